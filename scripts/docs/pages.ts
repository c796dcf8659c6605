import { readFile } from 'node:fs/promises'
import { markdownTable } from '../../apps/server/src/config-reference.ts'
import { errorsPage } from './errors.ts'
import { eventTypesPage } from './event-types.ts'
import { withTable } from './markdown.ts'
import { metricsPage } from './metrics.ts'
import { routesTable } from './routes.ts'

interface Page {
  readonly file: URL
  /** As it is to be. */
  readonly text: string
}

/** Returns every page that is generated, or has a table that is. */
export async function generatedPages(): Promise<readonly Page[]> {
  const configuration = at('docs/reference/configuration.md')
  const readme = at('packages/events-module/README.md')
  return [
    { file: at('docs/reference/errors.md'), text: errorsPage() },
    { file: at('docs/reference/event-types.md'), text: eventTypesPage() },
    { file: at('docs/reference/metrics.md'), text: metricsPage() },
    {
      file: configuration,
      text: withTable(await readFile(configuration, 'utf8'), 'Variable', markdownTable()),
    },
    { file: readme, text: withTable(await readFile(readme, 'utf8'), 'Route', await routesTable()) },
  ]
}

function at(path: string): URL {
  return new URL(`../../${path}`, import.meta.url)
}
