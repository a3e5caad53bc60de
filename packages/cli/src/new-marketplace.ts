/** What a marketplace begins with, by file name: the layout and the compiler options that plugin authors know. */
export const newMarketplaceFiles: Readonly<Record<string, string>> = {
  'plugins.json': `${JSON.stringify({ version: '1.0.0', plugins: [] }, undefined, 2)}\n`,
  'package.json': `${JSON.stringify(
    {
      name: 'plugins',
      version: '1.0.0',
      private: true,
      workspaces: ['plugins/*'],
      devDependencies: {
        '@tenon/cli': '0.1.0',
        '@tenon/sdk': '0.1.0',
        '@types/node': '20.19.25',
        typescript: '6.0.3',
        vitest: '4.1.12',
      },
    },
    undefined,
    2,
  )}\n`,
  'tsconfig.json': `${JSON.stringify(
    {
      compilerOptions: {
        target: 'ES2022',
        module: 'commonjs',
        lib: ['ES2022', 'DOM'],
        types: ['node'],
        outDir: './dist',
        rootDir: './',
        moduleResolution: 'node',
        ignoreDeprecations: '6.0',
        strict: true,
        esModuleInterop: true,
        skipLibCheck: true,
        forceConsistentCasingInFileNames: true,
        resolveJsonModule: true,
        noUnusedLocals: true,
        noUnusedParameters: true,
        noImplicitReturns: true,
        noFallthroughCasesInSwitch: true,
      },
      include: ['plugins/**/*.ts'],
      exclude: ['node_modules', 'dist', '**/*.test.ts'],
    },
    undefined,
    2,
  )}\n`,
  'vitest.config.mjs': `import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { include: ['plugins/**/*.test.ts'] } })
`,
  '.gitignore': `${['node_modules/', 'dist/', 'build/', '.env', '*.log', 'coverage/', '!plugins/**/*.js'].join('\n')}\n`,
  'README.md': `# Plugins

A marketplace for Tenon: \`plugins.json\` says what there is, \`plugins/<key>/\` has each plugin.

\`\`\`sh
npm install                            # what the plugins and these commands need
npx tenon create data-sync my-plugin   # begin one
npx tenon check plugins/my-plugin      # what is still to do
npx vitest run                         # their tests
npx tenon pack . --out dist            # packages with digests, to be served by any web server
\`\`\`
`,
}
