import type { JsonObject, PublishedEvent } from '@viewra/events-core'

/** An event as [CloudEvents 1.0](https://github.com/cloudevents/spec) has it; our other fields are extensions. */
export interface CloudEvent {
  readonly specversion: '1.0'
  readonly id: string
  readonly type: string
  readonly source: string
  readonly subject?: string
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly data: JsonObject
  readonly [extension: string]: unknown
}

/** Attributes are texts, small integers or booleans: tags are JSON text, and a position is text as well. */
export function toCloudEvent(event: PublishedEvent): CloudEvent {
  const { id, type, source, target, title, message, data, priority, tags, timestamp } = event
  return {
    specversion: '1.0',
    id,
    type,
    source: encodeURI(source),
    ...(target !== '' && { subject: target }),
    time: timestamp,
    datacontenttype: 'application/json',
    ...(title !== '' && { title }),
    ...(message !== '' && { message }),
    priority,
    ...(tags.length > 0 && { tags: JSON.stringify(tags) }),
    ...storedExtensions(event),
    data,
  }
}

function storedExtensions(event: PublishedEvent): Readonly<Record<string, string>> {
  const { correlation_id, causation_id, traceparent, ttl, position, recorded_at } = event
  return {
    ...(correlation_id !== undefined && { correlationid: correlation_id }),
    ...(causation_id !== undefined && { causationid: causation_id }),
    ...(traceparent !== undefined && { traceparent }),
    ...(ttl !== undefined && { ttl: String(ttl) }),
    ...(position !== undefined && { sequence: String(position) }),
    ...(recorded_at !== undefined && { recordedtime: recorded_at }),
  }
}
