import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

/**
 * Logs one line for each request, at debug: at info a busy server's log would hold nothing else. What clients cause, such
 * as refusals and broken connections, stays at debug too, so that nobody can fill the log; failures of the server are
 * logged as errors.
 */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const { method } = request
    // Whatever is secret in an address, though none should be, is behind its question mark.
    const url = request.url.split('?', 1)[0]
    const details = { method, url, status: reply.statusCode, ms: reply.elapsedTime }
    reply.log.debug({ ...details, ...(error && { err: error }) }, 'request completed')
  }

  override defaultErrorLog(error: Error, request: FastifyRequest, reply: FastifyReply): void {
    if (reply.statusCode === 500) super.defaultErrorLog(error, request, reply)
  }

  override streamError(error: Error, _request: FastifyRequest, reply: FastifyReply): void {
    reply.log.debug({ err: error }, 'the answer broke off')
  }

  override routeNotFound(): void {}
}
