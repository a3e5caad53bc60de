import { createHash } from 'node:crypto'
import type { SeedContext, Sequelize } from '@tenon/sdk'

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

/** What is known of one version of one model. Most of them have not changed: those never become a record. */
export interface ModelFacts {
  name: string
  version: string
  /** Everything that the record is made of, as JSON; pairs in the order of their keys. */
  content: unknown
  toRecord(): ModelRecord
}

const KEY_COLUMNS: readonly string[] = ['model_name', 'version']
const columns = Object.keys(SYNCED_COLUMNS) as SyncedColumn[]
const changingColumns = columns.filter((column) => !KEY_COLUMNS.includes(column))

/** What the caller needs of the host: the plugin's own tables, in the schema of one organization. */
export interface ModelRecords {
  createTables(): Promise<void>
  /** Removes everything; returns how many records there were. Also works when nothing is there. */
  dropTables(): Promise<number>
  /** Begins to read what is stored, which the first comparison would otherwise wait for. */
  prepare(): void
  /**
   * Writes what is new or differs; returns how many of each. While one call writes, another may be made: it compares
   * meanwhile, and writes then.
   */
  upsert(models: readonly ModelFacts[]): Promise<Written>
  /** Marks the records for which `isPresent` is false; returns how many. */
  markRemoved(isPresent: (name: string, version: string) => boolean): Promise<number>
  /** The newest that is stored, in ms; 0 when nothing is. */
  newest(): Promise<Newest>
}

export interface Written {
  inserted: number
  updated: number
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
const RECORDS_TABLE = 'mlflow_model_records'
const FEW_RECORDS = 200
/** They go as one message, and so need no transaction. */
const RECORDS_PER_COPY = 500

export function modelRecords(
  { sequelize, database }: Pick<SeedContext, 'sequelize' | 'database'>,
  tenantId: string,
): ModelRecords {
  const table = recordsTable(tenantId)
  const state = stateTable(tenantId)

  /** What is stored, by key; as it was before this synchronisation. */
  let stored: Promise<Map<string, StoredRecord>> | undefined
  const readStored = (): Promise<Map<string, StoredRecord>> => (stored ??= readAll(sequelize, table))
  let lastWrite: Promise<unknown> = Promise.resolve()

  async function writeAll({ added, changed }: Changes): Promise<Written> {
    const written = { inserted: 0, updated: 0 }
    const rest = [...(await addAll(added, written)), ...changed]
    for (const json of batches(rest)) {
      const [rows] = await sequelize.query<{ inserted: boolean }>(upsertStatement(table), { bind: [json] })
      for (const { inserted } of rows) written[inserted ? 'inserted' : 'updated'] += 1
    }
    return written
  }

  /** With COPY, where the host has it. Answers those that are left to do because some of them are there already. */
  async function addAll(added: readonly DigestedRecord[], written: Written): Promise<readonly DigestedRecord[]> {
    if (!database || added.length <= FEW_RECORDS) return added
    const last_synced_at = new Date().toISOString()
    for (let first = 0; first < added.length; first += RECORDS_PER_COPY) {
      const some = added.slice(first, first + RECORDS_PER_COPY)
      const rows = some.map(({ record, digest }) => ({ ...record, content_digest: digest, last_synced_at }))
      try {
        written.inserted += await database.insertMany(`${tenantId}.${RECORDS_TABLE}`, rows)
      } catch (error) {
        // Another synchronisation was quicker; the statement for what has changed takes both.
        if (error instanceof Error && error.name === 'SequelizeUniqueConstraintError') return added.slice(first)
        throw error
      }
    }
    return []
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

    prepare() {
      readStored().catch(() => undefined)
    },

    async upsert(models) {
      // For a few records, the statement itself is the quicker way to see which of them have changed.
      const known = stored || models.length > FEW_RECORDS ? await readStored() : undefined
      const changes = changesIn(models, known)
      const mine = lastWrite.then(() => writeAll(changes))
      lastWrite = mine.catch(() => undefined)
      return mine
    },

    async markRemoved(isPresent) {
      const all = [...(await readStored()).values()]
      const gone = all.filter(({ name, version, isRemoved }) => !isRemoved && !isPresent(name, version))
      for (let first = 0; first < gone.length; first += SCAN_ROWS) {
        await sequelize.query(`UPDATE ${table} SET removed_at = now(), updated_at = now() WHERE id IN (:some)`, {
          replacements: { some: gone.slice(first, first + SCAN_ROWS).map(({ id }) => id) },
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
  return `${schemaOf(tenantId)}.${RECORDS_TABLE}`
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
  record: ModelRecord
  /** Of what it was made of: tells what has not changed without sending it to the database. */
  digest: string
}

interface Changes {
  added: DigestedRecord[]
  changed: DigestedRecord[]
}

/** Without `known`, everything may have changed. */
function changesIn(models: readonly ModelFacts[], known: ReadonlyMap<string, StoredRecord> | undefined): Changes {
  const changes: Changes = { added: [], changed: [] }
  for (const [key, facts] of withoutRepeats(models)) {
    const json = JSON.stringify(facts.content)
    const digest = createHash('sha256').update(json).digest('base64')
    const found = known?.get(key)
    if (found?.digest === digest && !found.isRemoved) continue
    changes[known && !found ? 'added' : 'changed'].push({ record: storable(facts.toRecord(), json), digest })
  }
  return changes
}

/** `content` is the JSON that the record was made of: most need no look at each of their texts. */
function storable(record: ModelRecord, content: string): ModelRecord {
  if (!content.includes('\\u')) return record
  return JSON.parse(storableJson(JSON.stringify(record))) as ModelRecord
}

interface StoredRecord {
  id: number
  name: string
  version: string
  digest: string | null
  isRemoved: boolean
}

/** Tells two records apart, and costs little: there are as many as versions. */
export function keyOf(name: string, version: string): string {
  return `${name.length} ${name}${version}`
}

/** A list may shift between two pages; a row that came twice in one statement would fail all of them. */
function withoutRepeats(models: readonly ModelFacts[]): Map<string, ModelFacts> {
  return new Map(models.map((facts) => [keyOf(facts.name, facts.version), facts]))
}

function* batches(records: readonly DigestedRecord[]): Generator<string> {
  let batch: string[] = []
  let bytes = 0
  for (const { record, digest } of records) {
    const json = JSON.stringify({ ...record, content_digest: digest })
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

/** As one text for many rows: the host then carries a text, and not the fields of each row. */
async function readAll(sequelize: Sequelize, table: string): Promise<Map<string, StoredRecord>> {
  const all = new Map<string, StoredRecord>()
  let after = 0
  for (;;) {
    const [read] = await sequelize.query<{ last: number | null; rows: string | null }>(
      `SELECT max(id) AS last,
         CAST(json_agg(json_build_array(id, model_name, version, content_digest, removed_at IS NOT NULL)) AS text) AS rows
       FROM (SELECT * FROM ${table} WHERE id > :after ORDER BY id LIMIT ${SCAN_ROWS}) AS part`,
      { replacements: { after }, type: 'SELECT' },
    )
    const { last, rows } = read ?? {}
    if (typeof last !== 'number' || typeof rows !== 'string') return all
    for (const [id, name, version, digest, isRemoved] of JSON.parse(rows) as StoredRow[]) {
      all.set(keyOf(name, version), { id, name, version, digest, isRemoved })
    }
    after = last
  }
}

type StoredRow = [id: number, name: string, version: string, digest: string | null, isRemoved: boolean]

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
