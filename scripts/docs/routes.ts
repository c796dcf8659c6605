import { listRoutes } from '../../packages/events-module/test/route-list.ts'
import { table } from './markdown.ts'

/** Returns the table of routes of the module's README, from what its features say of themselves. */
export async function routesTable(): Promise<string> {
  const rows = (await listRoutes()).map(({ method, path, role, summary }) => [
    `\`${method} ${path}\``,
    role,
    summary,
  ])
  return table(['Route', 'Role', 'What it does'], rows)
}
