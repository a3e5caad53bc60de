import { expect, test } from 'vitest'
import { artifactLimitTable } from './artifacts/artifact-limits.js'
import { catalogLimitTable } from './catalog/catalog-limits.js'
import { jobLimitTable } from './jobs/job-limits.js'
import type { LimitTable } from './limit-table.js'
import { recordLimitTable } from './records/record-limits.js'
import { runtimeLimitTable } from './runtime/limits.js'
import { tenancyLimitTable } from './tenancy/limits.js'
import { uploadLimitTable } from './uploads/upload-limits.js'

interface Part {
  title: string
  /** Under which name the host takes other numbers, if it does. */
  option?: string
  about: string[]
  table: LimitTable
}

const parts: Part[] = [
  {
    title: 'Processes, calls and the network',
    option: 'limits.runtime',
    about: [
      'What one plugin of one organization may take. The size of what travels between host and plugin is fixed: a message from',
      'a plugin 8 MB, one to it 64 MB, attachments 64 MB.',
    ],
    table: runtimeLimitTable,
  },
  {
    title: 'Database',
    option: 'limits.tenancy',
    about: ['What a plugin may take of Postgres.'],
    table: tenancyLimitTable,
  },
  {
    title: 'Long work',
    option: 'limits.jobs',
    about: [
      'Runs of actions, by people and by schedules. What fails for a reason that passes is tried again after 10 s,',
      '40 s, 160 s and 640 s.',
    ],
    table: jobLimitTable,
  },
  {
    title: 'Uploads',
    option: 'limits.uploads',
    about: [
      'What the files may take that people send to plugins. A handler finds a file of up to 20 MB whole in `file.buffer`; any',
      'file can be read in pieces with `context.uploads.read(file.id)`.',
    ],
    table: uploadLimitTable,
  },
  { title: 'Records', option: 'limits.records', about: ['What is kept of what plugins do.'], table: recordLimitTable },
  {
    title: 'Code',
    option: 'limits.artifacts',
    about: ['What the code of a plugin may take until it can run.'],
    table: artifactLimitTable,
  },
  {
    title: 'Marketplace',
    about: ['What a list of plugins may take. `marketplace.refreshIntervalMs` is an option of the host.'],
    table: catalogLimitTable,
  },
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
  ].join('\n')
  await expect(page).toMatchFileSnapshot('../../../docs/limits.md')
})
