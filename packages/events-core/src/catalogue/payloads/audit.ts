import { Type } from '@sinclair/typebox'
import { jsonObject, text } from './fields.ts'

const record = Type.Object({
  principal: text('Who did it: a token’s name, or what the host app calls its user'),
  ip: text('IP address of the request'),
  user_agent: text('User-Agent header of the request'),
  target: Type.Optional(
    Type.Record(Type.String(), Type.String(), { description: 'What it was done to: the path’s variables' }),
  ),
  request: Type.Optional(jsonObject('What was requested: the request body')),
})

export const auditPayloads = {
  'audit.event.deleted': record,
  'audit.events.cleared': Type.Object({
    ...record.properties,
    deleted: Type.Integer({ description: 'Number of events deleted' }),
  }),
  'audit.subscription.paused': record,
  'audit.subscription.resumed': record,
  'audit.subscription.reset': record,
  'audit.subscription.renamed': record,
  'audit.subscription.deleted': record,
  'audit.dead_letters.retried': record,
  'audit.dead_letter.deleted': record,
  'audit.job.cancelled': record,
}
