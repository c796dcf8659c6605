import type { FastifyReply } from 'fastify'

/** Adds an item to a header that is a list, such as `Vary`, and keeps what the host app has set there. */
export function addToHeader(reply: FastifyReply, name: string, item: string): void {
  const items = [reply.getHeader(name) ?? []].flat()
  reply.header(name, [...items, item].join(', '))
}
