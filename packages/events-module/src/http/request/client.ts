import type { FastifyRequest } from 'fastify'

/** Longer ones carry no more information, and behind a trusted proxy the client chooses both. */
const MAX_IP = 64
const MAX_USER_AGENT = 256

/** Returns the client's address and program, for records and lists. */
export function clientOf(request: FastifyRequest): { readonly ip: string; readonly user_agent: string } {
  // The address is gone with the socket.
  const ip: string | undefined = request.ip
  return {
    ip: ip?.slice(0, MAX_IP) || 'unknown',
    user_agent: request.headers['user-agent']?.slice(0, MAX_USER_AGENT) || 'unknown',
  }
}
