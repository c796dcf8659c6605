import { isAbsolute } from 'node:path'
import { createEventBus } from '@viewra/events-core'
import { jobRunner } from '@viewra/events-core/jobs'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { eventsModule } from '@viewra/events-module'
import Fastify, { type FastifyInstance } from 'fastify'
import { UsageError } from './cli.ts'
import { type ScanInput, scanJob } from './scan-job.ts'
import { parseServiceOptions, SERVICE_USAGE, type ServiceSettings } from './service-options.ts'

const EXIT = { ok: 0, failed: 1, usage: 2 } as const
const HOST = '127.0.0.1'
const PREFIX = '/api/v1/events'

const SCAN = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: { path: { type: 'string', minLength: 1 }, library_id: { type: 'integer', default: 1 } },
}

process.exitCode = await main(process.argv.slice(2))

/** Runs the service and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const settings = parseServiceOptions(args)
    if (settings === 'help') process.stdout.write(`${SERVICE_USAGE}\n`)
    else await serve(settings)
    return EXIT.ok
  } catch (error) {
    process.stderr.write(`library-scanner: ${error instanceof Error ? error.message : String(error)}\n`)
    return error instanceof UsageError ? EXIT.usage : EXIT.failed
  }
}

async function serve({ path, port, concurrency, leaseMs }: ServiceSettings): Promise<void> {
  const asked = stopRequest()
  const bus = createEventBus({ storage: sqliteStorage({ path }) })
  const scans = scanJob(bus, concurrency)
  const runner = jobRunner({ kinds: [scans], leaseMs })
  await bus.start()
  // By default Fastify drops unknown fields and converts values of another type.
  const app = Fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false } } })
  try {
    await app.register(eventsModule, { bus, prefix: PREFIX })
    addScans(app, (input) => runner.submit(scans, input))
    await bus.run(runner)
    process.stdout.write(`Listening on ${await app.listen({ host: HOST, port })}\n`)
    await asked
  } finally {
    await app.close()
    await bus.stop()
  }
}

function addScans(
  app: FastifyInstance,
  submit: (input: ScanInput) => Promise<{ readonly id: string }>,
): void {
  app.post<{ Body: ScanInput }>('/scans', { schema: { body: SCAN } }, async ({ body }, reply) => {
    if (!isAbsolute(body.path)) return reply.code(400).send({ error: 'path must be absolute' })
    const { id } = await submit(body)
    return reply.code(202).header('location', `${PREFIX}/jobs/${id}`).send({ id })
  })
}

/** Resolves with the first Ctrl-C or other termination signal; a second one ends the process at once. */
function stopRequest(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let isStopping = false
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      if (isStopping) process.exit(EXIT.failed)
      isStopping = true
      resolve()
    })
  }
  return promise
}
