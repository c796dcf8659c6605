import type { Static } from '@sinclair/typebox'
import { auditPayloads } from './payloads/audit.ts'
import { assetPayloads, mediaPayloads } from './payloads/media.ts'
import { scanPayloads } from './payloads/scan.ts'
import { pluginPayloads, reportPayloads, systemPayloads } from './payloads/system.ts'
import { playbackPayloads, userPayloads } from './payloads/user.ts'

/** The schema of `data` for each built-in type. Additional fields are always allowed. */
export const payloadSchemas = {
  ...mediaPayloads,
  ...assetPayloads,
  ...userPayloads,
  ...playbackPayloads,
  ...systemPayloads,
  ...pluginPayloads,
  ...scanPayloads,
  ...reportPayloads,
  ...auditPayloads,
}

/** The type of `data` for each built-in type, inferred from its schema. */
export type PayloadTypes = {
  readonly [T in keyof typeof payloadSchemas]: Static<(typeof payloadSchemas)[T]>
}
