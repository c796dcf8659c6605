/** The time to wait for another process on a machine that may be busy: it limits a failure, not a success. */
export const PATIENT = { timeout: 25_000 }
