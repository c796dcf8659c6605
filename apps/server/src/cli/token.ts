import { parseArgs } from 'node:util'
import { compileFilter, isEventsError } from '@viewra/events-core'
import { createToken, type TokenEntry } from '@viewra/events-module'
import { nearestName } from '../nearest-name.ts'
import { editTokens, tokensIn, UsageError } from './token-edit.ts'

const TOKEN_USAGE = [
  'Usage:',
  '  token create --role admin|publisher|viewer --name <name> [--sources a,b] [--types scan.*]',
  '  token list',
  '  token revoke <name>',
  'Each takes --file <path>; without it the file is that of VIEWRA_EVENTS_TOKENS_FILE.',
].join('\n')

const FILE_OPTION = { file: { type: 'string' } } as const
const ROLES = ['admin', 'publisher', 'viewer'] as const

/** The output of a command: `output` is for programs, `note` for the person who typed it. */
interface Said {
  readonly output: string
  readonly note: string
}

type Command = (args: readonly string[], env: NodeJS.ProcessEnv) => Promise<Said>

const COMMANDS: Readonly<Record<string, Command>> = { create, list, revoke }

/**
 * Runs `token <command> …`.
 * @throws UsageError when the arguments, or the file that they name, cannot be used; the file is as it was then
 */
export async function tokenCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Said> {
  const [name = '', ...rest] = args
  if (name === '--help' || name === '-h') return { output: TOKEN_USAGE, note: '' }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command !== undefined) return command(rest, env)
  const meant = nearestName(name, Object.keys(COMMANDS))
  throw new UsageError(
    name === '' ? TOKEN_USAGE : `token ${name} is no command: did you mean ${meant}?\n${TOKEN_USAGE}`,
  )
}

async function create(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Said> {
  const text = { type: 'string' } as const
  const options = { ...FILE_OPTION, role: text, name: text, sources: text, types: text }
  const { values } = parsed(() => parseArgs({ args: [...args], options }))
  const file = fileOf(values.file, env)
  const { token, hash } = createToken()
  const entry: TokenEntry = {
    name: nameOf(values.name),
    role: roleOf(values.role),
    hash,
    ...limits(values.sources, values.types),
  }
  await editTokens(file, (entries) => added(entries, entry))
  const kept = `It is shown this once: ${file} keeps no more than a hash.`
  const used = `A server with VIEWRA_EVENTS_TOKENS_FILE=${file} takes it within a second.`
  return { output: token, note: `The token of '${entry.name}', ${entry.role}. ${kept}\n${used}` }
}

async function list(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Said> {
  const { values } = parsed(() => parseArgs({ args: [...args], options: FILE_OPTION }))
  const file = fileOf(values.file, env)
  const lines = tokensIn(file).map(line)
  return { output: lines.join('\n'), note: lines.length === 0 ? `There are no tokens in ${file}.` : '' }
}

async function revoke(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Said> {
  const { values, positionals } = parsed(() =>
    parseArgs({ args: [...args], options: FILE_OPTION, allowPositionals: true }),
  )
  const [name, ...more] = positionals
  if (name === undefined || more.length > 0)
    throw new UsageError(`token revoke takes the name of one token\n${TOKEN_USAGE}`)
  const file = fileOf(values.file, env)
  tokensIn(file)
  await editTokens(file, (entries) => removed(entries, name))
  return { output: '', note: `'${name}' is revoked; servers that are running refuse it within a second.` }
}

function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    // Its messages name the option, and end with advice on positional arguments that is of no use here.
    const [message = ''] = error instanceof Error ? error.message.split('. To specify') : []
    throw new UsageError(`${message}\n${TOKEN_USAGE}`, { cause: error })
  }
}

function fileOf(given: string | undefined, env: NodeJS.ProcessEnv): string {
  const file = given ?? env.VIEWRA_EVENTS_TOKENS_FILE
  if (file !== undefined && file !== '') return file
  throw new UsageError('which file? Give --file <path>, or set VIEWRA_EVENTS_TOKENS_FILE')
}

function nameOf(name: string | undefined): string {
  if (name !== undefined && name.trim() !== '') return name
  throw new UsageError('--name must be given: records and `token revoke` call the token by it')
}

function roleOf(given: string | undefined): (typeof ROLES)[number] {
  const role = ROLES.find((one) => one === given)
  if (role !== undefined) return role
  throw new UsageError(
    `--role must be ${ROLES.join(', ')}, not ${given === undefined ? 'left out' : `'${given}'`}`,
  )
}

function limits(sources?: string, types?: string): Pick<TokenEntry, 'sources' | 'types'> {
  const given = {
    ...(sources !== undefined && { sources: listOf('--sources', sources) }),
    ...(types !== undefined && { types: listOf('--types', types) }),
  }
  try {
    compileFilter(given)
  } catch (error) {
    if (isEventsError(error)) throw new UsageError(`--sources, --types: ${error.message}`)
    throw error
  }
  return given
}

function listOf(option: string, text: string): string[] {
  const items = text.split(',')
  if (items.every((item) => item !== '' && item === item.trim())) return items
  throw new UsageError(`${option} must be a list such as a,b without blanks or empty items, not '${text}'`)
}

function added(entries: readonly TokenEntry[], entry: TokenEntry): readonly TokenEntry[] {
  if (entries.some(({ name }) => name === entry.name))
    throw new UsageError(`there is a token '${entry.name}' already; revoke it first, or take another name`)
  return [...entries, entry]
}

function removed(entries: readonly TokenEntry[], name: string): readonly TokenEntry[] {
  const names = entries.map((entry) => entry.name)
  if (names.includes(name)) return entries.filter((entry) => entry.name !== name)
  const advice = names.length === 0 ? 'the file has none' : `did you mean '${nearestName(name, names)}'?`
  throw new UsageError(`there is no token '${name}': ${advice}`)
}

function line({ name, role, sources, types }: TokenEntry): string {
  const only = [...(sources ?? []), ...(types ?? [])]
  return [name, role, only.length === 0 ? 'all' : `only ${only.join(' ')}`].join('\t')
}
