/** Describes a valid time, for messages. */
export const TIMESTAMP_RULE =
  'must be an RFC 3339 time such as 2030-01-31T12:00:00.000Z, of the years 0 to 9999 and no leap second'

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/
/** The Gregorian calendar repeats after 400 years. */
const CYCLE_MS = 146_097 * 86_400_000
const MIN_MS = -62_167_219_200_000
/** The last millisecond of the year 9999. */
export const MAX_TIMESTAMP_MS = 253_402_300_799_999

/**
 * Returns the milliseconds since 1970 of an RFC 3339 date-time, truncated. Returns undefined if the text is not one,
 * names a day or an hour that does not exist, or a leap second (for which this count has no room), or is outside
 * the years 0 to 9999 in UTC.
 */
export function parseTimestamp(text: string): number | undefined {
  const parts = RFC_3339.exec(text)
  if (parts === null) return undefined
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour, offsetMinute] = parts
  const days = daysOf(Number(year), Number(month), Number(day))
  const time = timeOf(Number(hour), Number(minute), Number(second))
  const offset = sign === undefined ? 0 : timeOf(Number(offsetHour), Number(offsetMinute), 0)
  if (days === undefined || time === undefined || offset === undefined) return undefined
  const millisecond = Number(fraction.slice(0, 3).padEnd(3, '0'))
  const ms = days + time + millisecond + (sign === '-' ? offset : -offset)
  return ms >= MIN_MS && ms <= MAX_TIMESTAMP_MS ? ms : undefined
}

function daysOf(year: number, month: number, day: number): number | undefined {
  // Date.UTC treats the years 0 to 99 as 1900 to 1999, so ask it about the same day one cycle later.
  const ms = Date.UTC(year + 400, month - 1, day)
  // A day that does not exist turns into one of the next month.
  const exists = month >= 1 && month <= 12 && day >= 1 && new Date(ms).getUTCMonth() === month - 1
  return exists ? ms - CYCLE_MS : undefined
}

function timeOf(hour: number, minute: number, second: number): number | undefined {
  return hour < 24 && minute < 60 && second < 60 ? (hour * 3600 + minute * 60 + second) * 1000 : undefined
}

let lastMs = Number.NaN
let lastText = ''

/**
 * Formats a time in UTC with milliseconds, `YYYY-MM-DDTHH:mm:ss.sssZ`: 24 characters whose alphabetical order is
 * chronological. Many events fall into one millisecond, so the last result is cached.
 * @param ms since 1970, within the years 0 to 9999
 */
export function formatTimestamp(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString()
    lastMs = ms
  }
  return lastText
}
