/** For what another process has to come to, on a machine that may be busy: it bounds a failure, not a success. */
export const PATIENT = { timeout: 25_000 }
