/**
 * The import arrows: the engines do not know each other; `installations` conducts them; `http` fronts it; `compose.ts`
 * wires it; everyone may read `contract`; plugins see only `sdk`.
 */
const engines = ['catalog', 'artifacts', 'runtime', 'tenancy', 'secrets', 'egress', 'migrations']
const src = (folder) => `^packages/host/src/${folder}/`

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    ...engines.map((engine) => ({
      name: `${engine}-knows-no-other-engine`,
      severity: 'error',
      from: { path: src(engine), pathNot: '\\.test\\.ts$' },
      to: {
        path: '^packages/host/src/',
        pathNot: [
          src(engine),
          ...(engine === 'runtime' ? [src('egress')] : []),
          ...(engine === 'tenancy' ? [src('migrations')] : []),
        ],
      },
    })),
    {
      name: 'only-compose-and-http-above-installations',
      severity: 'error',
      from: { path: src('installations') },
      to: { path: [src('http'), '^packages/host/src/compose'] },
    },
    {
      name: 'contract-depends-on-nobody',
      severity: 'error',
      from: { path: '^packages/contract/src', pathNot: '\\.test\\.ts$' },
      to: { path: '^(packages/(?!contract)|app|standins)' },
    },
    {
      name: 'runner-reads-only-the-contract',
      severity: 'error',
      from: { path: '^packages/runner/src', pathNot: '\\.test\\.ts$' },
      to: { path: '^(packages/(?!runner|contract)|app|standins)' },
    },
    { name: 'packages-know-no-application', severity: 'error', from: { path: '^packages' }, to: { path: '^app' } },
    {
      name: 'plugins-see-only-the-sdk',
      severity: 'error',
      from: { path: '^marketplace/plugins', pathNot: '\\.test\\.ts$' },
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
