import type { Sessions } from './read-sessions.ts'
import type { Session } from './sessions.ts'

const HEADINGS = ['USER', 'MEDIA', 'DEVICE', 'POSITION', 'SINCE'] as const
const GAP = '  '

/** Formats sessions as a table that fits a terminal of the given columns and rows. */
export function tableOf(
  sessions: Sessions,
  size: { readonly columns: number; readonly rows: number },
): string[] {
  const rows = [HEADINGS, ...Array.from(sessions.values(), cells)]
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(GAP))
  const all = [`${sessions.size} watching`, ...(sessions.size > 0 ? lines : [])]
  const left = all.length - size.rows
  const shown = left > 0 ? [...all.slice(0, size.rows - 1), `… and ${left + 1} more`] : all
  return shown.map((line) => line.trimEnd().slice(0, size.columns))
}

/** Describes a session in one line: `maria watches Metropolis on tv, 0:10:00 of 2:30:00`. */
export function describe(session: Session): string {
  const [user, media, device, position] = cells(session)
  return `${user} watches ${media} on ${device}, ${position}`
}

function cells({ user_id, media_id, device_id, since_ms, ...session }: Session) {
  const of = session.duration_seconds > 0 ? ` of ${clock(session.duration_seconds)}` : ''
  return [
    printable(user_id),
    printable(media_id),
    printable(device_id),
    `${clock(session.progress_seconds)}${of}`,
    `${new Date(since_ms).toISOString().slice(11, 19)} UTC`,
  ] as const
}

/** Formats seconds as `2:30:00`. */
function clock(seconds: number): string {
  const whole = Math.floor(seconds)
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60]
  return `${hours}:${String(minutes).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`
}

/** Removes control characters: names come from publishers, and could move the cursor or worse. */
function printable(name: string): string {
  return name.replaceAll(/\p{C}/gu, '\ufffd')
}
