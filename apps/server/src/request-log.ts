import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

/** One line for each request, at debug: at info a busy server's log would hold nothing else. Failures stay loud. */
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
    if (error) super.requestCompleted(error, request, reply)
    else
      reply.log.debug({ method, url, status: reply.statusCode, ms: reply.elapsedTime }, 'request completed')
  }

  override defaultErrorLog(error: Error, request: FastifyRequest, reply: FastifyReply): void {
    if (reply.statusCode >= 500) super.defaultErrorLog(error, request, reply)
  }

  override routeNotFound(): void {}
}
