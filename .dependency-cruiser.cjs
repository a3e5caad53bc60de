/**
 * The import arrows: the engines do not know each other; `installations` conducts them; `http` fronts it; `compose.ts`
 * wires it; everyone may read `contract`; plugins see only `sdk`. Foundations are what engines may stand on.
 */
const engines = [
  'catalog',
  'artifacts',
  'runtime',
  'tenancy',
  'secrets',
  'connections',
  'events',
  'jobs',
  'webhooks',
  'records',
  'audit',
  'uploads',
]
const foundations = '^packages/host/src/(egress|migrations|notifications|threads|marketplace-files|limit-table|sql)'
const src = (folder) => `^packages/host/src/${folder}/`
const inTests = '(\\.test\\.ts$|/testing/)'

module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...engines.map((engine) => ({
      name: `${engine}-knows-no-other-engine`,
      severity: 'error',
      from: { path: src(engine), pathNot: inTests },
      to: { path: '^packages/host/src/', pathNot: [src(engine), foundations] },
    })),
    {
      name: 'foundations-stand-on-nothing',
      severity: 'error',
      from: { path: foundations, pathNot: inTests },
      to: { path: '^packages/host/src/', pathNot: foundations },
    },
    {
      name: 'installations-conducts-from-below',
      severity: 'error',
      from: { path: src('installations'), pathNot: inTests },
      to: { path: [src('http'), '^packages/host/src/compose'] },
    },
    {
      name: 'contract-depends-on-nobody',
      severity: 'error',
      from: { path: '^packages/contract/src', pathNot: inTests },
      to: { path: '^(packages/(?!contract)|app|standins)' },
    },
    {
      name: 'runner-reads-only-the-contract',
      severity: 'error',
      from: { path: '^packages/runner/src', pathNot: inTests },
      to: { path: '^(packages/(?!runner|contract)|app|standins)' },
    },
    { name: 'packages-know-no-application', severity: 'error', from: { path: '^packages' }, to: { path: '^app' } },
    {
      name: 'clients-read-only-the-contract',
      severity: 'error',
      from: { path: '^(packages/react|app/web)/src', pathNot: inTests },
      to: { path: '^(packages/(?!react|contract)|app/(?!web)|standins)' },
    },
    {
      name: 'plugins-see-only-the-sdk',
      severity: 'error',
      from: { path: '^marketplace/plugins', pathNot: inTests },
      to: { path: '^(packages/(?!sdk)|app|standins)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|fixtures)/' },
    tsConfig: { fileName: 'tsconfig.eslint.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['tenon-source', 'import', 'require', 'node', 'default'],
    },
  },
}
