import { ERROR_CODES, type ErrorCode } from '../../packages/events-core/src/errors.ts'
import {
  HTTP_PROBLEMS,
  PROBLEMS,
  type ProblemKind,
  type ProblemText,
} from '../../packages/events-module/src/http/problem.ts'
import { ERROR_TEXTS } from './error-texts.ts'
import { GENERATED, table } from './markdown.ts'

const INTRODUCTION = `# Error codes

${GENERATED}

Tell errors apart by their code, never by their message. The code of an \`EventsError\` is its \`code\`; that of an HTTP response is in
the problem's \`code\`, see [the HTTP API](../http-api.md#errors).
`

const EVENTS = `## Of the bus and its store

An \`EventsError\` has one of these codes in process. Over HTTP, the response has the status given here. Retry says whether the same
call may succeed later.
`

const HTTP = `## Of HTTP requests

Only the HTTP API answers with these, before the request reaches the bus. Retry gives the seconds in \`Retry-After\`.
`

/** Returns docs/reference/errors.md. */
export function errorsPage(): string {
  const statuses = new Map(Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]))
  const events = Object.entries(ERROR_TEXTS).map(([code, { meaning, remedy }]) => [
    `\`${code}\``,
    String(statuses.get(code)),
    ERROR_CODES[code as ErrorCode].retryable ? 'yes' : 'no',
    meaning,
    remedy,
  ])
  const http = Object.entries(HTTP_PROBLEMS).map(
    ([code, { status, meaning, remedy, retryAfter }]: [string, ProblemKind & ProblemText]) => [
      `\`${code}\``,
      String(status),
      retryAfter === undefined ? '–' : String(retryAfter),
      meaning,
      remedy,
    ],
  )
  const rest = ['Retry', 'Meaning', 'What to do']
  return [
    INTRODUCTION,
    EVENTS,
    table(['Code', 'HTTP status', ...rest], events),
    HTTP,
    table(['Code', 'Status', ...rest], http),
  ].join('\n')
}
