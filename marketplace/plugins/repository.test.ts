import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { columns } from './risk-import/columns'

const directory = join(import.meta.dirname, '..')
const text = (path: string): string => readFileSync(join(directory, path), 'utf8')

describe('the marketplace', () => {
  it('stands on its own, in the layout that plugin authors know', () => {
    const { plugins } = JSON.parse(text('plugins.json')) as { plugins: { pluginPath: string; entryPoint: string }[] }
    const files = ['.gitignore', 'package.json', 'tsconfig.json', 'plugins.json', 'README.md'].concat(
      plugins.flatMap(({ pluginPath, entryPoint }) =>
        [entryPoint, 'package.json', 'README.md'].map((file) => `${pluginPath}/${file}`),
      ),
    )
    expect(files).toHaveLength(14)
    expect(files.filter((file) => !existsSync(join(directory, file)))).toEqual([])
  })

  it('compiles plugins as strictly as plugin authors know', () => {
    const { compilerOptions, include } = JSON.parse(text('tsconfig.json')) as {
      compilerOptions: Record<string, unknown>
      include: string[]
    }
    expect(compilerOptions).toMatchObject({
      target: 'ES2020',
      module: 'commonjs',
      lib: ['ES2020', 'DOM'],
      types: ['node'],
      outDir: './dist',
      rootDir: './',
      moduleResolution: 'node',
    })
    const on = `strict esModuleInterop skipLibCheck forceConsistentCasingInFileNames resolveJsonModule declaration
      declarationMap sourceMap allowSyntheticDefaultImports noImplicitAny strictNullChecks strictFunctionTypes
      noUnusedLocals noUnusedParameters noImplicitReturns noFallthroughCasesInSwitch`.split(/\s+/)
    for (const option of on) expect(compilerOptions, option).toHaveProperty(option, true)
    expect(include).toEqual(['plugins/**/*.ts'])
  })

  it('keeps what is made out of Git, but JavaScript of plugins in it', () => {
    expect(text('.gitignore').trim().split('\n')).toEqual([
      'node_modules/',
      'dist/',
      'build/',
      '.env',
      '.vscode/',
      '.idea/',
      '*.log',
      'coverage/',
      '.cache/',
      '!plugins/**/*.js',
    ])
  })

  it('names TypeScript and the types of Node that plugins are developed with, in exact versions', () => {
    const { devDependencies } = JSON.parse(text('package.json')) as { devDependencies: Record<string, string> }
    for (const name of ['typescript', '@types/node']) expect(devDependencies[name]).toMatch(/^\d+\.\d+\.\d+$/)
  })

  it('gives each plugin a package of the shape that plugin authors know', () => {
    const { plugins } = JSON.parse(text('plugins.json')) as { plugins: { key: string; pluginPath: string }[] }
    for (const { key, pluginPath } of plugins) {
      expect(JSON.parse(text(`${pluginPath}/package.json`))).toEqual(
        expect.objectContaining({
          name: `@tenon-marketplace/plugin-${key}`,
          version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
          description: expect.any(String) as string,
          main: 'index.js',
          author: expect.any(String) as string,
          license: 'MIT',
          dependencies: expect.any(Object) as object,
          keywords: expect.arrayContaining(['plugin']) as string[],
        }),
      )
    }
  })
})

interface Field {
  type: string
  format?: string
  oneOf?: { const: string }[]
  writeOnly?: boolean
  minimum?: number
  maximum?: number
}
interface Schema {
  properties: Record<string, Field>
  allOf?: { then: Schema }[]
}

describe('the plugins of the guide', () => {
  it('MLflow has its seven settings, two of them secret', () => {
    const { plugins } = JSON.parse(text('plugins.json')) as {
      plugins: { key: string; contributes: { configuration: Schema } }[]
    }
    const schema = plugins.find(({ key }) => key === 'mlflow')?.contributes.configuration as Schema
    const conditional = (schema.allOf ?? []).map(({ then }) => then.properties)
    const fields: Record<string, Field> = Object.assign({}, schema.properties, ...conditional)
    expect(fields).toMatchObject({
      tracking_server_url: { type: 'string', format: 'uri' },
      auth_method: { oneOf: [{ const: 'none' }, { const: 'basic' }, { const: 'token' }] },
      username: { type: 'string' },
      password: { type: 'string', writeOnly: true },
      api_token: { type: 'string', writeOnly: true },
      verify_ssl: { type: 'boolean' },
      timeout: { type: 'integer', minimum: 1, maximum: 300 },
    })
    // The eighth is Tenon's own: whether training runs count as models.
    expect(Object.keys(fields).filter((name) => name !== 'models_from')).toHaveLength(7)
  })

  it('Risk Import has its twenty columns, in their order', () => {
    expect(columns.map(({ key }) => key)).toEqual([
      'risk_name',
      'risk_owner',
      'ai_lifecycle_phase',
      'risk_description',
      'risk_category',
      'impact',
      'likelihood',
      'severity',
      'review_notes',
      'mitigation_status',
      'current_risk_level',
      'deadline',
      'mitigation_plan',
      'implementation_strategy',
      'likelihood_mitigation',
      'risk_severity',
      'final_risk_level',
      'risk_approval',
      'approval_status',
      'date_of_assessment',
    ])
  })
})
