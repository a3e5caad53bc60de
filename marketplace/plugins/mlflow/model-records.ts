import { createHash } from 'node:crypto'
import type { Sequelize } from '@tenon/sdk'

/** Columns that come from the server, in the order of the table. One list makes the table, the upsert and the page. */
const SYNCED_COLUMNS = {
  model_name: 'text',
  version: 'text',
  lifecycle_stage: 'text',
  run_id: 'text',
  description: 'text',
  source: 'text',
  status: 'text',
  tags: 'jsonb',
  metrics: 'jsonb',
  parameters: 'jsonb',
  experiment_id: 'text',
  experiment_name: 'text',
  artifact_location: 'text',
  training_status: 'text',
  training_started_at: 'timestamptz',
  training_ended_at: 'timestamptz',
  source_version: 'text',
  model_created_at: 'timestamptz',
  model_updated_at: 'timestamptz',
  aliases: 'jsonb',
} as const

type SyncedColumn = keyof typeof SYNCED_COLUMNS

/** One version of one model, as it is stored. Moments are ISO 8601. */
export type ModelRecord = Record<SyncedColumn, unknown> & { model_name: string; version: string }

const KEY_COLUMNS: readonly string[] = ['model_name', 'version']
const columns = Object.keys(SYNCED_COLUMNS) as SyncedColumn[]
const changingColumns = columns.filter((column) => !KEY_COLUMNS.includes(column))

/** What the caller needs of the host: the plugin's own tables, in the schema of one organization. */
export interface ModelRecords {
  createTables(): Promise<void>
  /** Removes everything; returns how many records there were. Also works when nothing is there. */
  dropTables(): Promise<number>
  /** Writes what is new or differs; returns how many of each. */
  upsert(records: readonly ModelRecord[]): Promise<{ inserted: number; updated: number }>
  /** Marks the records for which `isPresent` is false; returns how many. */
  markRemoved(isPresent: (name: string, version: string) => boolean): Promise<number>
  /** The newest that is stored, in ms; 0 when nothing is. */
  newest(): Promise<Newest>
}

/** How far back a quick synchronisation has to read. */
export interface Newest {
  versionChangedMs: number
  runStartedMs: number
  runEndedMs: number
}

/** Below the frame size of the host, with room for the rest of the statement. */
const MAX_STATEMENT_BYTES = 1_500_000
const SCAN_ROWS = 20_000
const FEW_RECORDS = 200

export function modelRecords(sequelize: Sequelize, tenantId: string): ModelRecords {
  const table = recordsTable(tenantId)
  const state = stateTable(tenantId)

  /** What is stored and not removed, by key; as it was before this synchronisation. */
  let stored: Promise<Map<string, StoredRecord>> | undefined
  const readStored = (): Promise<Map<string, StoredRecord>> => (stored ??= readAll(sequelize, table))

  async function upsertBatch(json: string): Promise<{ inserted: number; updated: number }> {
    const [rows] = await sequelize.query<{ inserted: boolean }>(upsertStatement(table), { bind: [json] })
    const inserted = rows.filter((row) => row.inserted).length
    return { inserted, updated: rows.length - inserted }
  }

  return {
    async createTables() {
      await sequelize.query(createStatement(table))
      await sequelize.query(`ALTER TABLE ${table} ${catchUpActions().join(', ')}`)
      await sequelize.query(`
        CREATE TABLE IF NOT EXISTS ${state} (
          id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
          last_attempt_at timestamptz,
          last_success_at timestamptz,
          last_full_success_at timestamptz,
          connected boolean,
          error text
        )`)
    },

    async dropTables() {
      const count = (await exists(sequelize, table)) ? await countRows(sequelize, table) : 0
      await sequelize.query(`DROP TABLE IF EXISTS ${table} CASCADE`)
      await sequelize.query(`DROP TABLE IF EXISTS ${state} CASCADE`)
      return count
    },

    async upsert(records) {
      const total = { inserted: 0, updated: 0 }
      // For a few records, the statement itself is the quicker way to see which of them have changed.
      const known = records.length > FEW_RECORDS ? await readStored() : new Map<string, StoredRecord>()
      const changed = withoutRepeats(records).flatMap((record) => {
        const digested = withDigest(record)
        const isKnown = known.get(keyOf(record))?.content_digest === digested.digest
        return isKnown ? [] : [digested]
      })
      for (const json of batches(changed)) {
        const { inserted, updated } = await upsertBatch(json)
        total.inserted += inserted
        total.updated += updated
      }
      return total
    },

    async markRemoved(isPresent) {
      const all = [...(await readStored()).values()]
      const gone = all.filter((row) => !isPresent(row.model_name, row.version)).map(({ id }) => id)
      for (let first = 0; first < gone.length; first += SCAN_ROWS) {
        await sequelize.query(`UPDATE ${table} SET removed_at = now(), updated_at = now() WHERE id IN (:some)`, {
          replacements: { some: gone.slice(first, first + SCAN_ROWS) },
        })
      }
      return gone.length
    },

    async newest() {
      const ms = (expression: string): string => `(EXTRACT(EPOCH FROM max(${expression})) * 1000)::bigint`
      const rows = await sequelize.query<Record<'version' | 'started' | 'ended', string | null>>(
        `SELECT ${ms(`CASE WHEN run_id IS DISTINCT FROM version THEN model_updated_at END`)} AS version,
           ${ms('CASE WHEN run_id = version THEN training_started_at END')} AS started,
           ${ms('CASE WHEN run_id = version THEN training_ended_at END')} AS ended
         FROM ${table} WHERE removed_at IS NULL`,
        { type: 'SELECT' },
      )
      const [found] = rows
      return {
        versionChangedMs: Number(found?.version ?? 0),
        runStartedMs: Number(found?.started ?? 0),
        runEndedMs: Number(found?.ended ?? 0),
      }
    },
  }
}

/** The table of models, quoted and qualified. */
export function recordsTable(tenantId: string): string {
  return `${schemaOf(tenantId)}.mlflow_model_records`
}

/** How the last synchronisation went: one row. */
export function stateTable(tenantId: string): string {
  return `${schemaOf(tenantId)}.mlflow_sync_state`
}

/**
 * JSON that Postgres can store: without NUL, and without half of a surrogate pair. Either would fail a whole page of
 * models. `JSON.stringify` writes both as escapes; an escaped backslash before one is consumed by the same pattern.
 */
export function storableJson(json: string): string {
  return json.replace(/\\(u0000|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/g, (escape, kind: string) => {
    if (kind === 'u0000') return ''
    return kind.length === 5 ? '\\ufffd' : escape
  })
}

function schemaOf(tenantId: string): string {
  if (!/^[A-Za-z0-9_]{1,63}$/.test(tenantId)) throw new Error('This is not the name of an organization')
  return `"${tenantId}"`
}

function createStatement(table: string): string {
  const synced = columns
    .filter((column) => column !== 'aliases')
    .map((column) => `${column} ${SYNCED_COLUMNS[column]} ${constraintOf(column)}`)
  return `
    CREATE TABLE IF NOT EXISTS ${table} (
      id serial PRIMARY KEY,
      ${synced.join(',\n      ')},
      last_synced_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      aliases jsonb NOT NULL DEFAULT '[]',
      removed_at timestamptz,
      content_digest text,
      CONSTRAINT mlflow_model_records_unique UNIQUE (model_name, version)
    )`
}

function constraintOf(column: SyncedColumn): string {
  if (KEY_COLUMNS.includes(column)) return 'NOT NULL'
  return SYNCED_COLUMNS[column] === 'jsonb' ? "NOT NULL DEFAULT '{}'" : ''
}

/** A table that an earlier release left behind has shorter texts and three columns fewer. */
function catchUpActions(): string[] {
  return [
    "ADD COLUMN IF NOT EXISTS aliases jsonb NOT NULL DEFAULT '[]'",
    'ADD COLUMN IF NOT EXISTS removed_at timestamptz',
    'ADD COLUMN IF NOT EXISTS content_digest text',
    ...columns
      .filter((column) => SYNCED_COLUMNS[column] === 'text')
      .map((column) => `ALTER COLUMN ${column} TYPE text`),
  ]
}

/**
 * The records are a parameter: in the text of the statement they would be read as SQL, twice.
 * What has not changed is left out before the INSERT, which would lock, and so write, every row that it meets.
 */
function upsertStatement(table: string): string {
  const definitions = columns.map((column) => `${column} ${SYNCED_COLUMNS[column]}`)
  const changing = [...changingColumns, 'content_digest']
  const sent = [...columns, 'content_digest'].map((column) => `sent.${column}`)
  return `
    INSERT INTO ${table} (${columns.join(', ')}, content_digest, last_synced_at)
    SELECT ${sent.join(', ')}, now()
    FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS sent(${definitions.join(', ')}, content_digest text)
    LEFT JOIN ${table} AS known USING (model_name, version)
    WHERE known.id IS NULL OR known.removed_at IS NOT NULL OR known.content_digest IS DISTINCT FROM sent.content_digest
    ON CONFLICT (model_name, version) DO UPDATE SET
      ${changing.map((column) => `${column} = EXCLUDED.${column}`).join(', ')},
      last_synced_at = now(), updated_at = now(), removed_at = NULL
    RETURNING (xmax = 0) AS inserted`
}

interface DigestedRecord {
  json: string
  digest: string
}

/** The digest tells a record that has not changed without sending it to the database. */
function withDigest(record: ModelRecord): DigestedRecord {
  const json = storableJson(JSON.stringify(sortedPairs(record)))
  const digest = createHash('sha256').update(json).digest('base64')
  return { json: `${json.slice(0, -1)},"content_digest":"${digest}"}`, digest }
}

/** A server may list tags, metrics and parameters in another order each time; they are the same. */
function sortedPairs(record: ModelRecord): Record<string, unknown> {
  const sortPairs = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  return Object.fromEntries(columns.map((column) => [column, sortPairs(record[column]) ?? null]))
}

interface StoredRecord {
  id: number
  model_name: string
  version: string
  content_digest: string | null
}

function keyOf({ model_name, version }: { model_name: string; version: string }): string {
  return JSON.stringify([model_name, version])
}

/** A list may shift between two pages; a row that came twice in one statement would fail all of them. */
function withoutRepeats(records: readonly ModelRecord[]): ModelRecord[] {
  return [...new Map(records.map((record) => [keyOf(record), record])).values()]
}

function* batches(records: readonly DigestedRecord[]): Generator<string> {
  let batch: string[] = []
  let bytes = 0
  for (const { json } of records) {
    if (bytes + json.length > MAX_STATEMENT_BYTES && batch.length > 0) {
      yield `[${batch.join(',')}]`
      batch = []
      bytes = 0
    }
    batch.push(json)
    bytes += json.length
  }
  if (batch.length > 0) yield `[${batch.join(',')}]`
}

async function readAll(sequelize: Sequelize, table: string): Promise<Map<string, StoredRecord>> {
  const all = new Map<string, StoredRecord>()
  let after = 0
  for (;;) {
    const rows = await sequelize.query<StoredRecord>(
      `SELECT id, model_name, version, content_digest FROM ${table}
       WHERE removed_at IS NULL AND id > :after ORDER BY id LIMIT ${SCAN_ROWS}`,
      { replacements: { after }, type: 'SELECT' },
    )
    for (const row of rows) all.set(keyOf(row), row)
    if (rows.length < SCAN_ROWS) return all
    after = rows[rows.length - 1].id
  }
}

async function exists(sequelize: Sequelize, table: string): Promise<boolean> {
  const rows = await sequelize.query<{ found: boolean }>('SELECT to_regclass(:table) IS NOT NULL AS found', {
    replacements: { table },
    type: 'SELECT',
  })
  return rows[0]?.found === true
}

async function countRows(sequelize: Sequelize, table: string): Promise<number> {
  const rows = await sequelize.query<{ count: string }>(`SELECT count(*) AS count FROM ${table}`, { type: 'SELECT' })
  return Number(rows[0]?.count ?? 0)
}
