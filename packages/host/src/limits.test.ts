import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { artifactLimitTable } from './artifacts/artifact-limits.js'
import { catalogLimitTable } from './catalog/catalog-limits.js'
import { eventLimitTable } from './events/event-limits.js'
import { requestLimitTable } from './http/request-limits.js'
import { jobLimitTable } from './jobs/job-limits.js'
import type { LimitTable } from './limit-table.js'
import { recordLimitTable } from './records/record-limits.js'
import { runtimeLimitTable } from './runtime/limits.js'
import { tenancyLimitTable } from './tenancy/limits.js'
import { type FixedLimit, fixedLimits } from './testing/fixed-limits.js'
import {
  artifactLimitTests,
  catalogLimitTests,
  eventLimitTests,
  jobLimitTests,
  type LimitTests,
  recordLimitTests,
  requestLimitTests,
  runtimeLimitTests,
  tenancyLimitTests,
  type TestsOf,
  uploadLimitTests,
} from './testing/limit-tests.js'
import { readTestSource, type TestSource } from './testing/test-sources.js'
import { uploadLimitTable } from './uploads/upload-limits.js'

interface Part<Table extends LimitTable = LimitTable> {
  title: string
  /** Under which name the host takes other numbers, if it does. */
  option?: string
  about: string[]
  table: Table
  tests: TestsOf<Table>
}

/** A part whose table and tests have the same limits. */
const part = <Table extends LimitTable>(own: Part<Table>): Part => own

const parts: Part[] = [
  part({
    title: 'Processes, calls and the network',
    option: 'limits.runtime',
    about: [
      'What one plugin of one organization may take. The host holds it to all of them; what the process of a plugin must know of',
      'them, it is told when it is started.',
    ],
    table: runtimeLimitTable,
    tests: runtimeLimitTests,
  }),
  part({
    title: 'Database',
    option: 'limits.tenancy',
    about: ['What a plugin may take of Postgres.'],
    table: tenancyLimitTable,
    tests: tenancyLimitTests,
  }),
  part({
    title: 'Long work',
    option: 'limits.jobs',
    about: [
      'Runs of actions, by people and by schedules. What fails for a reason that passes is tried again after 10 s,',
      '40 s, 160 s and 640 s, where the operator says nothing else.',
    ],
    table: jobLimitTable,
    tests: jobLimitTests,
  }),
  part({
    title: 'Events',
    option: 'limits.events',
    about: ['How events reach plugins and webhooks.'],
    table: eventLimitTable,
    tests: eventLimitTests,
  }),
  part({
    title: 'Requests',
    option: 'limits.requests',
    about: ['What a request to the host, or through it to a plugin, may bring.'],
    table: requestLimitTable,
    tests: requestLimitTests,
  }),
  part({
    title: 'Uploads',
    option: 'limits.uploads',
    about: [
      'What the files may take that people send to plugins. A handler finds a file of up to 20 MB whole in `file.buffer`; any',
      'file can be read in pieces with `context.uploads.read(file.id)`.',
    ],
    table: uploadLimitTable,
    tests: uploadLimitTests,
  }),
  part({
    title: 'Records',
    option: 'limits.records',
    about: ['What is kept of what plugins do.'],
    table: recordLimitTable,
    tests: recordLimitTests,
  }),
  part({
    title: 'Code',
    option: 'limits.artifacts',
    about: ['What the code of a plugin may take until it can run.'],
    table: artifactLimitTable,
    tests: artifactLimitTests,
  }),
  part({
    title: 'Marketplace',
    option: 'limits.marketplace',
    about: ['What a list of plugins may take. `marketplace.refreshIntervalMs` counts before the one of `limits`.'],
    table: catalogLimitTable,
    tests: catalogLimitTests,
  }),
]

function sectionOf({ title, option, about, table }: Part): string[] {
  const rows = Object.entries(table).map(
    ([name, { value, unit, reason }]) => `| \`${name}\` | ${value.toLocaleString('en')} ${unit} | ${reason} |`,
  )
  return [
    `## ${title}`,
    '',
    ...about,
    ...(option ? [`Each is an option of the host (\`${option}\`).`] : []),
    '',
    '| Limit | Default | Why |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ]
}

test('docs/limits.md has every limit', async () => {
  const page = [
    '# Limits',
    '',
    '<!-- Made from the tables in packages/host/src by a test; `npx vitest run packages/host/src/limits.test.ts -u` renews it. -->',
    '',
    ...parts.flatMap(sectionOf),
    '## Fixed',
    '',
    'The same everywhere: both ends of something have to agree on them, or the database or a page holds to them.',
    '',
    '| What | At most | Why |',
    '| --- | --- | --- |',
    ...fixedLimits.map(
      ({ what, most, unit, reason }) => `| ${what} | ${most.toLocaleString('en')} ${unit} | ${reason} |`,
    ),
    '',
  ].join('\n')
  await expect(page).toMatchFileSnapshot('../../../docs/limits.md')
})

describe('the tests of a limit', () => {
  const sources = new Map<string, TestSource>()
  function sourceOf(file: string): TestSource {
    const source = sources.get(file) ?? readTestSource(file)
    sources.set(file, source)
    return source
  }

  /** What is missing; undefined when both tests are there, and at least one gives the limit another number. */
  function lackOf(limit: string, tests: LimitTests | undefined): string | undefined {
    if (!tests) return 'no test is named'
    const written = [tests.passes, tests.fails].map(({ file, title }) => {
      const { tests: all, names } = sourceOf(file)
      const found = all.filter((one) => one.title === title && !one.isSkipped)
      return {
        file,
        title,
        exists: found.length > 0,
        sets: names.has(limit) || found.some((one) => one.names.has(limit)),
      }
    })
    const missing = written.find(({ exists }) => !exists)
    if (missing) return `${missing.file} has no test "${missing.title}"`
    return written.some(({ sets }) => sets) ? undefined : 'its tests do not set it'
  }

  test.each(parts)(
    '$title: each has one for just under and one for just over, and is overridden',
    ({ table, tests }) => {
      const lacks = Object.keys(table).map((limit) => [limit, lackOf(limit, tests[limit])])
      expect(lacks.filter(([, lack]) => lack !== undefined)).toEqual([])
    },
  )

  /** What is missing of a bound that is the same everywhere; its tests must have its number in them. */
  function lackOfFixed({ most, tests }: Pick<FixedLimit, 'most' | 'tests'>): string | undefined {
    const found = [tests.passes, tests.fails].map(({ file, title }) => ({
      name: `"${title}" in ${file}`,
      written: sourceOf(file).tests.filter((one) => one.title === title && !one.isSkipped),
    }))
    const missing = found.find(({ written }) => written.length === 0)
    if (missing) return `there is no test ${missing.name}`
    const knowsNumber = found.some(({ written }) => written.some(({ numbers }) => numbers.has(most)))
    return knowsNumber ? undefined : `${most} is not in ${found[0]?.name}`
  }

  test('Fixed: each row has one for what comes up to it and one for what goes over it, with its number in them', () => {
    const lacks = fixedLimits.map((limit) => [`${limit.what}, ${limit.unit}`, lackOfFixed(limit)])
    expect(lacks.filter(([, lack]) => lack !== undefined)).toEqual([])
  })

  test('are missed where a row names one that there is not, or one that is about another number', () => {
    const [real] = fixedLimits as readonly [FixedLimit]
    const { file } = real.tests.passes
    const invented = { file, title: 'was never written' }
    expect(lackOfFixed({ most: real.most, tests: { ...real.tests, fails: invented } })).toBe(
      `there is no test "was never written" in ${file}`,
    )
    expect(lackOfFixed({ most: 4_711, tests: real.tests })).toContain('4711 is not in')
  })

  test('are asked for of every table that there is', () => {
    const src = new URL('.', import.meta.url)
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /(?<!\.test)\.ts$/.test(file),
    )
    const made = files.filter((file) => /LimitTable = \{/.test(readFileSync(new URL(file, src), 'utf8')))
    expect(made).toHaveLength(parts.length)
  })
})
