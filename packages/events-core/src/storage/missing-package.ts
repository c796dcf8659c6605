/**
 * Returns whether the import of a package by its name failed because it is not installed. If the package exists but one of
 * its files does not, Node names that file in `url`; `require`, which bundles may call, does not make this distinction.
 */
export function isMissingPackage(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false
  return error.code === 'MODULE_NOT_FOUND' || (error.code === 'ERR_MODULE_NOT_FOUND' && !('url' in error))
}
