import type { TSchema } from '@sinclair/typebox'
import { VARIABLES } from './config.ts'

/** Returns what `--help` prints. */
export function helpText(): string {
  const variables = Object.entries(VARIABLES.properties).map(([name, schema]: [string, TSchema]) =>
    [
      `  ${name}`,
      ...wrap(String(schema.description)),
      ...wrap(`Takes ${plain(schema.accepts)}.`),
      `      Default: ${schema.default ?? 'none'}`,
    ].join('\n'),
  )
  return [
    'Viewra events: stores events, and serves them over HTTP.',
    '',
    'Usage: npm start [-- --help | --version]',
    '       npm run --silent token -- create | list | revoke …   (--help tells more)',
    '',
    'Environment:',
    variables.join('\n\n'),
    '',
    'Standard output has one line, once the server answers; the log goes to standard',
    'error, one JSON object a line.',
    'SIGTERM or SIGINT stops it when all that was accepted is stored; a second one',
    'stops it at once.',
    'Exit codes: 0 stopped, 1 could not start or left something undone, 2 wrong',
    'configuration or arguments.',
  ].join('\n')
}

/** Returns the table of docs/reference/configuration.md. */
export function markdownTable(): string {
  const rows = Object.entries(VARIABLES.properties).map(([name, schema]: [string, TSchema]) => {
    const cells = [
      `\`${name}\``,
      schema.default === undefined ? 'none' : `\`${schema.default}\``,
      String(schema.accepts),
      String(schema.description),
    ]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return ['| Variable | Default | Takes | Meaning |', '|---|---|---|---|', ...rows, ''].join('\n')
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '')
}

/** Lines of at most 80 characters, indented as the variables' texts are. */
function wrap(text: string): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.pop() ?? ''
    if (line.length + word.length > 73) lines.push(line, word)
    else lines.push(line === '' ? word : `${line} ${word}`)
  }
  return lines.map((line) => `      ${line}`)
}
