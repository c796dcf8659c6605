import type { FastifyReply } from 'fastify'
import Negotiator from 'negotiator'
import { addToHeader } from './list-header.ts'

const JSON_TYPE = 'application/json'

/**
 * Whether the client would rather have `mediaType` than plain JSON; the answer is marked as one that depends on this.
 * Who accepts neither gets JSON too, as RFC 9110 (section 12.4.1) allows.
 */
export function prefers(mediaType: string, reply: FastifyReply): boolean {
  addToHeader(reply, 'vary', 'Accept')
  // Of equals the first counts, so a client that takes anything gets JSON.
  const chosen = new Negotiator(reply.request.raw).mediaType([JSON_TYPE, mediaType]) === mediaType
  if (chosen) reply.type(`${mediaType}; charset=utf-8`)
  return chosen
}
