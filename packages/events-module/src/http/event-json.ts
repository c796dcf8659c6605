import type { PublishedEvent } from '@viewra/events-core'

const texts = new WeakMap<PublishedEvent, string>()

/** The event as JSON, written once however many clients get it. */
export function eventJson(event: PublishedEvent): string {
  const known = texts.get(event)
  if (known !== undefined) return known
  const text = JSON.stringify(event)
  texts.set(event, text)
  return text
}
