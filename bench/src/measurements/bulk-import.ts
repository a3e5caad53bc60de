import pg from 'pg'
import type { PostgresConnection } from '@tenon/embedded-postgres'
import { getTenantHash } from '@tenon/host'
import type { Section } from '../report.js'
import { median } from '../statistics.js'
import type { Surroundings } from '../surroundings.js'

const rowCount = 100_000
/** A row at a time takes minutes for all of them. */
const slowRows = 3_000
const mebibyte = 1024 * 1024

/** Rows from a plugin, checked and ready, to committed: against COPY of the same bytes, and against a row at a time. */
export async function measureBulkImport(surroundings: Surroundings, rounds: number): Promise<Section> {
  const host = await surroundings.startOurHost('packed', 1)
  const [organizationId = 0] = host.organizationIds
  const table = `"${getTenantHash(organizationId)}".bulk_rows`
  try {
    await host.ask('install', 'bulk', organizationId)
    const plugin: number[] = []
    const copy: number[] = []
    const single: number[] = []
    let pluginBytes = 0
    const hostBefore = await host.ask('memory')
    let hostBytes = 0
    for (let round = 0; round < rounds; round += 1) {
      await withClient(surroundings.connection, (client) => client.query(`TRUNCATE ${table}`))
      const { ms, grownBytes } = await host.ask('addRows', organizationId, rowCount)
      plugin.push(ms)
      pluginBytes = Math.max(pluginBytes, grownBytes)
      hostBytes = Math.max(hostBytes, (await host.ask('memory')) - hostBefore)
      copy.push(await timeCopy(surroundings.connection, table))
      single.push(((await timeSingleRows(surroundings.connection, table)) * rowCount) / slowRows)
    }
    return sectionOf({ plugin: median(plugin), copy: median(copy), single: median(single), pluginBytes, hostBytes })
  } finally {
    await host.stop()
  }
}

interface Measured {
  plugin: number
  copy: number
  single: number
  pluginBytes: number
  hostBytes: number
}

function sectionOf({ plugin, copy, single, pluginBytes, hostBytes }: Measured): Section {
  return {
    title: `${rowCount.toLocaleString('en')} rows of a plugin, from checked to committed`,
    rows: [
      { id: 'bulk-plugin', what: 'insertMany of a plugin', value: plugin, unit: 'ms' },
      { id: 'bulk-copy', what: 'COPY of the same rows by the host itself', value: copy, unit: 'ms' },
      { id: 'bulk-ratio', what: 'of the time of COPY', value: plugin / copy, unit: 'times', target: { atMost: 2.5 } },
      { id: 'bulk-single', what: `a row at a time, from ${slowRows}`, value: single, unit: 'ms' },
      { id: 'bulk-faster', what: 'faster', value: single / plugin, unit: 'times', target: { atLeast: 20 } },
      { id: 'bulk-host', what: 'host, grown by', value: hostBytes / mebibyte, unit: 'MB', target: { atMost: 100 } },
      {
        id: 'bulk-runner',
        what: 'plugin, grown by',
        value: pluginBytes / mebibyte,
        unit: 'MB',
        target: { atMost: 150 },
      },
    ],
  }
}

/** The rows that are there, into a table like theirs, in one statement whose bytes are ready. */
async function timeCopy(connection: PostgresConnection, table: string): Promise<number> {
  return withClient(connection, async (client) => {
    const { rows } = await client.query<{ lines: string }>(
      `SELECT string_agg(line, E'\\n') || E'\\n' AS lines FROM (SELECT ${lineOf(columns)} AS line FROM ${table}) l`,
    )
    const data = Buffer.from(rows[0]?.lines ?? '')
    await client.query(`CREATE TABLE ${table}_copy (LIKE ${table} INCLUDING ALL)`)
    const startedAt = performance.now()
    await client.query('BEGIN')
    await copyInto(client, `COPY ${table}_copy (${columns.join(', ')}) FROM STDIN`, data)
    await client.query('COMMIT')
    const ms = performance.now() - startedAt
    await client.query(`DROP TABLE ${table}_copy`)
    return ms
  })
}

async function timeSingleRows(connection: PostgresConnection, table: string): Promise<number> {
  return withClient(connection, async (client) => {
    const { rows } = await client.query<Record<string, unknown>>(
      `SELECT ${columns.join(', ')} FROM ${table} LIMIT ${slowRows}`,
    )
    await client.query(`CREATE TABLE ${table}_single (LIKE ${table} INCLUDING ALL)`)
    const sql = `INSERT INTO ${table}_single (${columns.join(', ')}) VALUES (${columns.map((_, n) => `$${n + 1}`).join(', ')})`
    const startedAt = performance.now()
    for (const row of rows)
      await client.query(
        sql,
        columns.map((column) => row[column]),
      )
    const ms = performance.now() - startedAt
    await client.query(`DROP TABLE ${table}_single`)
    return ms
  })
}

const columns =
  `risk_name risk_owner risk_description phase categories impact likelihood severity level review_notes status
  current_level deadline plan strategy final_level import_id`.split(/\s+/)

/** A line of COPY's text format; none of the rows holds a character that has to be escaped. */
function lineOf(names: readonly string[]): string {
  return names.map((name) => `coalesce(${name}::text, E'\\\\N')`).join(` || E'\\t' || `)
}

/** `client.query` of pg can be given anything that knows how to answer the server; its types do not say so. */
async function copyInto(client: pg.Client, sql: string, data: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const query = new pg.Query(sql)
    Object.assign(query, {
      handleCopyInResponse(connection: { sendCopyFromChunk(bytes: Buffer): void; endCopyFrom(): void }) {
        connection.sendCopyFromChunk(data)
        connection.endCopyFrom()
      },
    })
    query.on('end', () => resolve())
    query.on('error', reject)
    client.query(query)
  })
}

async function withClient<Result>(
  connection: PostgresConnection,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
