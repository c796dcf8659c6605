import { Type } from '@sinclair/typebox'
import { jsonObject, text } from './fields.ts'

const record = Type.Object({
  principal: text('Who: the name of a token, or what the host app calls its user'),
  ip: text('From where'),
  user_agent: text('With which program'),
  target: Type.Optional(
    Type.Record(Type.String(), Type.String(), { description: 'Of what: the path’s variables' }),
  ),
  request: Type.Optional(jsonObject('What was asked for: the body of the request')),
})

export const auditPayloads = {
  'audit.event.deleted': record,
  'audit.events.cleared': Type.Object({
    ...record.properties,
    deleted: Type.Integer({ description: 'How many events there were' }),
  }),
  'audit.subscription.paused': record,
  'audit.subscription.resumed': record,
  'audit.subscription.reset': record,
  'audit.subscription.renamed': record,
  'audit.subscription.deleted': record,
  'audit.dead_letters.retried': record,
  'audit.dead_letter.deleted': record,
}
