import { isMissingPackage } from '../../missing-package.ts'

/** The code of the error of `loadDriver`, which keeps its fields but not its class when it is passed to another thread. */
const CODE = 'SQLITE_DRIVER'

/** @throws Error that names the driver's problem and the remedy; see `isDriverProblem` */
export async function loadDriver(): Promise<void> {
  const { default: Database } = await import('better-sqlite3').catch((cause: unknown) => {
    throw isMissingPackage(cause) ? problem('install the package better-sqlite3', cause) : unusable(cause)
  })
  try {
    // The native part is loaded with the first database.
    new Database(':memory:').close()
  } catch (cause) {
    throw unusable(cause)
  }
}

export function isDriverProblem(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === CODE
}

function unusable(cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const here = `Node ${process.versions.node} on ${process.platform}-${process.arch}`
  return problem(
    `the package better-sqlite3 is installed, but ${here} cannot use it: install it again on this machine (${reason})`,
    cause,
  )
}

function problem(message: string, cause: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: CODE })
}
