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

/** What a list of the server tells of one version, before anybody asks about its run: enough to see that it is stored. */
export type Glimpse = Pick<ModelRecord, (typeof GLIMPSED_COLUMNS)[number]>

const GLIMPSED_COLUMNS = ['model_name', 'version', 'lifecycle_stage', 'status', 'model_updated_at'] as const
const KEY_COLUMNS: readonly string[] = ['model_name', 'version']
const columns = Object.keys(SYNCED_COLUMNS) as SyncedColumn[]
const changingColumns = columns.filter((column) => !KEY_COLUMNS.includes(column))

/** What the caller needs of the host: the plugin's own tables, in the schema of one organization. */
export interface ModelRecords {
  createTables(): Promise<void>
  /** Gives the table of an earlier version what a synchronisation needs. Waits for no lock when nothing is missing. */
  catchUpState(): Promise<void>
  /** Removes everything; returns how many records there were. Also works when nothing is there. */
  dropTables(): Promise<number>
  /** A full synchronisation: from here on it is remembered which records are met. */
  beginFull(): Promise<void>
  /**
   * Writes what is new or differs; returns how many of each. While one call writes, another may be made: it compares
   * meanwhile, and writes then.
   */
  upsert(models: readonly ModelFacts[]): Promise<Written>
  /** The records that were there at `beginFull`, are not marked as removed and have not been met since. */
  findUnmet(): Promise<UnmetRecords>
  keysOf(ids: readonly number[]): Promise<ModelKey[]>
  /** Marks these as removed; returns how many. */
  markRemoved(ids: readonly number[]): Promise<number>
  /** Of the models that are not marked as removed. */
  experimentIds(): Promise<string[]>
  /** The places of those that are stored just so. */
  whichAreKnown(glimpses: readonly Glimpse[]): Promise<ReadonlySet<number>>
}

export interface ModelKey {
  name: string
  version: string
}

/** Records by their ids: versions of the registry, and training runs as models. */
export interface UnmetRecords {
  versions: number[]
  runs: number[]
}

export interface Written {
  inserted: number
  updated: number
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

  /** Records that were met, by their ids: a few bytes each. Their names and digests would be a hundred times as much. */
  const met = new Set<number>()
  /** Of the last record that was there when a full synchronisation began. */
  let lastId: number | undefined
  let lastWrite: Promise<unknown> = Promise.resolve()

  /** Which of these are stored, and whether as they are: a page at a time, so that nobody holds all of them. */
  async function findStored(models: readonly DigestedFacts[]): Promise<Map<DigestedFacts, boolean>> {
    const found = new Map<DigestedFacts, boolean>()
    const questions = models.map(({ facts: { name, version }, digest }, place) => {
      return storableJson(JSON.stringify({ place, model_name: name, version, digest }))
    })
    for (const json of batches(questions)) {
      const [answer] = await sequelize.query<{ rows: string | null }>(comparison(table), {
        bind: [json],
        type: 'SELECT',
      })
      for (const [place, id, isSame] of JSON.parse(answer?.rows ?? '[]') as ComparedRow[]) {
        const model = models[place]
        if (model) found.set(model, isSame)
        met.add(id)
      }
    }
    return found
  }

  async function writeAll({ added, changed }: Changes): Promise<Written> {
    const written = { inserted: 0, updated: 0 }
    const rest = [...(await addAll(added, written)), ...changed].map(recordOf)
    for (const json of batches(rest.map((record) => JSON.stringify(record)))) {
      const [rows] = await sequelize.query<{ inserted: boolean }>(upsertStatement(table), { bind: [json] })
      for (const { inserted } of rows) written[inserted ? 'inserted' : 'updated'] += 1
    }
    // Another synchronisation was quicker with some of them: they are there, and must not be taken for removed.
    if (lastId !== undefined && written.inserted < added.length) await findStored(added)
    return written
  }

  /** With COPY, where the host has it. Answers those that are left to do because some of them are there already. */
  async function addAll(added: readonly DigestedFacts[], written: Written): Promise<readonly DigestedFacts[]> {
    if (!database || added.length <= FEW_RECORDS) return added
    const last_synced_at = new Date().toISOString()
    for (let first = 0; first < added.length; first += RECORDS_PER_COPY) {
      const some = added.slice(first, first + RECORDS_PER_COPY)
      const rows = some.map((model) => ({ ...recordOf(model), last_synced_at }))
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
      await sequelize.query(addCheckpoint(state))
    },

    async catchUpState() {
      const [blank] = await sequelize.query<{ isComplete: boolean }>(
        `SELECT to_jsonb(jsonb_populate_record(CAST(NULL AS ${state}), '{}')) -> 'checkpoint' IS NOT NULL AS "isComplete"`,
        { type: 'SELECT' },
      )
      if (blank?.isComplete !== true) await sequelize.query(addCheckpoint(state))
    },

    async dropTables() {
      const count = (await exists(sequelize, table)) ? await countRows(sequelize, table) : 0
      await sequelize.query(`DROP TABLE IF EXISTS ${table} CASCADE`)
      await sequelize.query(`DROP TABLE IF EXISTS ${state} CASCADE`)
      return count
    },

    async beginFull() {
      const [last] = await sequelize.query<{ id: number }>(`SELECT coalesce(max(id), 0) AS id FROM ${table}`, {
        type: 'SELECT',
      })
      lastId = Number(last?.id ?? 0)
      met.clear()
    },

    async upsert(models) {
      const digested = withoutRepeats(models).map(digestedFacts)
      // For a few records, the statement itself is the quicker way to see which of them have changed.
      const isWorthAsking = lastId !== undefined || digested.length > FEW_RECORDS
      const changes = isWorthAsking ? changesIn(digested, await findStored(digested)) : { added: [], changed: digested }
      const mine = lastWrite.then(() => writeAll(changes))
      lastWrite = mine.catch(() => undefined)
      return mine
    },

    async findUnmet() {
      const unmet: UnmetRecords = { versions: [], runs: [] }
      for await (const { versions, runs } of presentIds(sequelize, table, lastId ?? 0)) {
        for (const id of versions) if (!met.has(id)) unmet.versions.push(id)
        for (const id of runs) if (!met.has(id)) unmet.runs.push(id)
      }
      return unmet
    },

    async keysOf(ids) {
      if (ids.length === 0) return []
      return sequelize.query<ModelKey & Record<string, unknown>>(
        `SELECT model_name AS name, version FROM ${table} WHERE id IN (:ids) ORDER BY id`,
        { replacements: { ids }, type: 'SELECT' },
      )
    },

    async markRemoved(ids) {
      for (let first = 0; first < ids.length; first += SCAN_ROWS) {
        const some = ids.slice(first, first + SCAN_ROWS)
        await sequelize.query(`UPDATE ${table} SET removed_at = now(), updated_at = now() WHERE id IN (:some)`, {
          replacements: { some },
        })
      }
      return ids.length
    },

    async experimentIds() {
      const [read] = await sequelize.query<{ ids: string | null }>(
        `SELECT CAST(json_agg(experiment_id) AS text) AS ids FROM (
           SELECT DISTINCT experiment_id FROM ${table} WHERE removed_at IS NULL AND experiment_id IS NOT NULL) AS known`,
        { type: 'SELECT' },
      )
      return JSON.parse(read?.ids ?? '[]') as string[]
    },

    async whichAreKnown(glimpses) {
      const known = new Set<number>()
      const questions = glimpses.map((glimpse, place) => storableJson(JSON.stringify({ place, ...glimpse })))
      for (const json of batches(questions)) {
        const [answer] = await sequelize.query<{ places: string | null }>(recognition(table), {
          bind: [json],
          type: 'SELECT',
        })
        for (const place of JSON.parse(answer?.places ?? '[]') as number[]) known.add(place)
      }
      return known
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

function addCheckpoint(state: string): string {
  return `ALTER TABLE ${state} ADD COLUMN IF NOT EXISTS checkpoint jsonb`
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

/** One row for each of the sent models that is stored. */
function comparison(table: string): string {
  return `
    SELECT CAST(json_agg(json_build_array(sent.place, known.id,
      known.removed_at IS NULL AND known.content_digest IS NOT DISTINCT FROM sent.digest)) AS text) AS rows
    FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS sent(place int, model_name text, version text, digest text)
    JOIN ${table} AS known USING (model_name, version)`
}

function recognition(table: string): string {
  const definitions = GLIMPSED_COLUMNS.map((column) => `${column} ${SYNCED_COLUMNS[column]}`)
  const same = GLIMPSED_COLUMNS.map((column) => `known.${column} IS NOT DISTINCT FROM sent.${column}`)
  return `
    SELECT CAST(json_agg(sent.place) AS text) AS places
    FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS sent(place int, ${definitions.join(', ')})
    JOIN ${table} AS known USING (model_name, version)
    WHERE known.removed_at IS NULL AND ${same.join(' AND ')}`
}

/** The same when it is stored as it was sent, and not marked as removed. */
type ComparedRow = [place: number, id: number, isSame: boolean]

interface DigestedFacts {
  facts: ModelFacts
  /** Of what it is made of: tells what has not changed without sending it to the database. */
  digest: string
  /** Most are, and then nobody has to look at each of their texts. */
  isStorable: boolean
}

interface Changes {
  added: DigestedFacts[]
  changed: DigestedFacts[]
}

function changesIn(models: readonly DigestedFacts[], stored: ReadonlyMap<DigestedFacts, boolean>): Changes {
  const added = models.filter((model) => !stored.has(model))
  return { added, changed: models.filter((model) => stored.get(model) === false) }
}

function digestedFacts(facts: ModelFacts): DigestedFacts {
  const json = JSON.stringify(facts.content)
  const digest = createHash('sha256').update(json).digest('base64')
  return { facts, digest, isStorable: !json.includes('\\u') }
}

function recordOf({ facts, digest, isStorable }: DigestedFacts): ModelRecord & { content_digest: string } {
  const record = { ...facts.toRecord(), content_digest: digest }
  return isStorable ? record : (JSON.parse(storableJson(JSON.stringify(record))) as typeof record)
}

/** A list may shift between two pages; a row that came twice in one statement would fail all of them. */
function withoutRepeats(models: readonly ModelFacts[]): ModelFacts[] {
  return [...new Map(models.map((facts) => [keyOf(facts.name, facts.version), facts])).values()]
}

/** Tells two models apart. */
function keyOf(name: string, version: string): string {
  return `${name.length} ${name}${version}`
}

/** Arrays of JSON, none of them larger than one statement may carry. */
function* batches(items: readonly string[]): Generator<string> {
  let batch: string[] = []
  let bytes = 0
  for (const json of items) {
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

/** Of the records up to this one that are not marked as removed. As one text: the host then carries a text, and no rows. */
async function* presentIds(sequelize: Sequelize, table: string, lastId: number): AsyncGenerator<UnmetRecords> {
  for (let after = 0; ;) {
    // The version of a run as a model is its own id.
    const [read] = await sequelize.query<{ versions: string | null; runs: string | null; last: number | null }>(
      `SELECT CAST(json_agg(id) FILTER (WHERE NOT is_run) AS text) AS versions,
              CAST(json_agg(id) FILTER (WHERE is_run) AS text) AS runs, max(id) AS last
       FROM (
         SELECT id, version IS NOT DISTINCT FROM run_id AS is_run FROM ${table}
         WHERE id > :after AND id <= :lastId AND removed_at IS NULL ORDER BY id LIMIT ${SCAN_ROWS}) AS part`,
      { replacements: { after, lastId }, type: 'SELECT' },
    )
    if (!read || read.last === null) return
    yield {
      versions: JSON.parse(read.versions ?? '[]') as number[],
      runs: JSON.parse(read.runs ?? '[]') as number[],
    }
    after = Number(read.last)
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
