/**
 * Returns whether the import of a package by its name failed because it is not installed. Node names the file in `url`
 * when the package is there and a file of it is not; `require`, which bundles may call, does not tell them apart.
 */
export function isMissingPackage(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false
  return error.code === 'MODULE_NOT_FOUND' || (error.code === 'ERR_MODULE_NOT_FOUND' && !('url' in error))
}
