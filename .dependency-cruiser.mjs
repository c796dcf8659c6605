/**
 * Dependencies point one way: event ← filter ← storage ← bus ← module ← server. Type-only imports count as well.
 * That the root entry of core loads no driver is proven by a test: packages/events-core/test/light-entry.test.ts.
 * @type {import('dependency-cruiser').IConfiguration}
 */
export default {
  forbidden: [
    {
      name: 'no-cycle',
      comment:
        'Files that load each other can be understood and changed only together; types are gone when it runs.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-stands-alone',
      comment: 'Core is for any service: it knows nothing of HTTP, the module or the server.',
      severity: 'error',
      from: { path: '^packages/events-core/src' },
      to: {
        path: ['^packages/(?!events-core/)', '^apps/', '^examples/', 'node_modules/(@fastify/|fastify)'],
      },
    },
    {
      name: 'packages-know-no-app',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: ['^apps/', '^examples/'] },
    },
    {
      name: 'only-public-entries',
      comment: 'A package is used through its exports, never by a path into it.',
      severity: 'error',
      from: { path: '^(packages|apps|examples)/([^/]+)/' },
      to: {
        path: '^(packages|apps|examples)/[^/]+/',
        pathNot: [
          '^$1/$2/',
          '^packages/events-core/src/(index|catalogue/schemas|processors/index|jobs/index|metrics/prometheus|storage/(sqlite|postgres)/index|testing/index)\\.ts$',
          '^packages/[^/]+/src/index\\.ts$',
        ],
      },
    },
    {
      name: 'feature-imports-no-feature',
      comment: 'What two features need goes down to http/ or to core.',
      severity: 'error',
      from: { path: '^packages/events-module/src/features/([^/]+?)(\\.ts$|/)' },
      to: {
        path: '^packages/events-module/src/features/',
        pathNot: '^packages/events-module/src/features/$1(\\.ts$|/)',
      },
    },
    {
      name: 'http-knows-no-feature',
      severity: 'error',
      from: { path: '^packages/events-module/src/http/' },
      to: { path: '^packages/events-module/src/(features/|plugin\\.ts$)' },
    },
    {
      name: 'storage-knows-no-bus',
      severity: 'error',
      from: { path: '^packages/events-core/src/(storage|testing)/' },
      to: { path: '^packages/events-core/src/(bus/|global\\.ts$)' },
    },
    {
      name: 'events-and-filters-know-neither-storage-nor-bus',
      severity: 'error',
      from: {
        path: '^packages/events-core/src/([^/]+\\.ts$|event/|filter/)',
        pathNot: '/(index|global)\\.ts$',
      },
      to: { path: '^packages/events-core/src/(storage|bus|testing|metrics)/' },
    },
    {
      name: 'bus-knows-only-the-storage-contract',
      comment: 'Adapters are handed in. The memory store is the default, for which settings ask.',
      severity: 'error',
      from: { path: '^packages/events-core/src/bus/' },
      to: {
        path: '^packages/events-core/src/storage/',
        pathNot: '^packages/events-core/src/storage/(contract|memory)/',
      },
    },
    {
      name: 'metrics-know-no-bus',
      severity: 'error',
      from: { path: '^packages/events-core/src/metrics/' },
      to: { path: '^packages/events-core/src/(bus|storage|testing)/' },
    },
    {
      name: 'source-imports-no-test',
      severity: 'error',
      from: { path: '/src/' },
      to: { path: '/test/' },
    },
    {
      name: 'resolvable',
      comment: 'Checks of what cannot be found would pass for ever.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@viewra/source', 'import', 'default'],
    },
  },
}
