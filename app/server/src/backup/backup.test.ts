import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSealer } from '@tenon/host'
import type pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseSettings } from '../env.js'
import { resolveSecrets } from '../kept-secrets.js'
import { startServer } from '../server.js'
import type { AnswerData } from '../testing/test-app.js'
import { openDatabase } from '../start/open-database.js'
import { restoreBackup } from './restore-backup.js'
import { writeBackup } from './write-backup.js'

const log = pino({ level: 'silent' })
const person = { email: 'ada@example.com', password: 'correct horse battery' }
const registration = { organizationName: 'Acme', name: 'Ada', surname: 'Admin', ...person }
const schema = 'a4ayc80OGd'

let directory: string
let backup: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenon-backup-'))
  // For the account that Postgres runs under when root runs the tests.
  await chmod(directory, 0o711)
  backup = join(directory, 'backup')
  await makeInstallation()
}, 120_000)
afterAll(() => rm(directory, { recursive: true, force: true }))

const settingsOf = (name: string) => parseSettings({ TENON_DATA_DIR: join(directory, name), PORT: '0' })

async function withServer<T>(name: string, work: (call: Call) => Promise<T>): Promise<T> {
  const settings = { ...settingsOf(name), port: 0 }
  const server = await startServer(settings, { log })
  try {
    return await work(async (method, path, body, token) => {
      const response = await fetch(server.url + path, {
        method,
        headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: response.status, body: (await response.json()) as { data: AnswerData } }
    })
  } finally {
    await server.stop()
  }
}
type Call = (
  method: string,
  path: string,
  body?: unknown,
  token?: string,
) => Promise<{ status: number; body: { data: AnswerData } }>

async function withDatabase<T>(
  name: string,
  work: (opened: { pool: pg.Pool; connection: pg.ClientConfig; sealer: ReturnType<typeof createSealer> }) => Promise<T>,
): Promise<T> {
  const settings = settingsOf(name)
  const { secretKeys } = await resolveSecrets(settings, log)
  const database = await openDatabase(settings, log)
  try {
    return await work({ ...database, sealer: createSealer(secretKeys) })
  } finally {
    await database.close()
  }
}

async function makeInstallation() {
  await withServer('first', async (call) => {
    const { token } = (await call('POST', '/api/auth/register', registration)).body.data
    const risk = {
      risk_name: 'Drift',
      risk_description: 'x',
      ai_lifecycle_phase: 'Monitoring & maintenance',
      likelihood: 'Rare',
      severity: 'Minor',
      risk_category: ['Legal risk'],
    }
    expect((await call('POST', '/api/risks', risk, token)).status).toBe(201)
    const installed = await call('POST', '/api/plugins/install', { pluginKey: 'mlflow' }, token)
    expect(installed, JSON.stringify(installed.body)).toMatchObject({ status: 201 })
  })
  await withDatabase('first', async ({ pool, sealer }) => {
    await makePluginTables(pool)
    await writeBackup({ pool, sealer, directory: backup })
  })
}

/** As a plugin may: an enum, a serial, an identity, a generated column, a check, an index, references. */
async function makePluginTables(pool: pg.Pool) {
  const { rows } = await pool.query(`SELECT role FROM tenon.plugin_roles WHERE owner_key = 'mlflow'`)
  const client = await pool.connect()
  await client.query(`GRANT ${rows[0].role} TO CURRENT_USER; SET ROLE ${rows[0].role}`)
  await client.query(`
    CREATE TYPE "${schema}".mood AS ENUM ('good', 'it''s bad');
    CREATE TABLE "${schema}".notes (
      id serial PRIMARY KEY, mood "${schema}".mood NOT NULL DEFAULT 'good', words text[] DEFAULT '{a}',
      length int GENERATED ALWAYS AS (cardinality(words)) STORED, CHECK (id < 1000)
    );
    CREATE TABLE "${schema}"."Replies" (
      id bigint GENERATED ALWAYS AS IDENTITY, note int REFERENCES "${schema}".notes (id) ON DELETE CASCADE, body jsonb
    );
    CREATE INDEX replies_note ON "${schema}"."Replies" (note) WHERE body IS NOT NULL;
    INSERT INTO "${schema}".notes (mood, words) SELECT 'it''s bad', ARRAY['tab' || chr(9), NULL] FROM generate_series(1, 300);
    INSERT INTO "${schema}"."Replies" (note, body) VALUES (7, '{"a": "\\n"}')`)
  await client.query(
    `RESET ROLE; INSERT INTO tenon.created_relations (relation, plugin_key, organization_id, role)
     VALUES ('"${schema}".notes'::regclass, 'mlflow', 1, '${rows[0].role}')`,
  )
  await client.query(`REVOKE ${rows[0].role} FROM CURRENT_USER`)
  client.release()
}

const facts = (pool: pg.Pool) =>
  Promise.all(
    [
      `SELECT c.relname, c.relkind, c.relowner::regrole::text, c.relacl::text FROM pg_class c
       WHERE c.relnamespace = '"${schema}"'::regnamespace AND c.relkind <> 'i' ORDER BY 1`,
      `SELECT pg_get_indexdef(indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE c.relnamespace = '"${schema}"'::regnamespace ORDER BY 1`,
      `SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = '"${schema}"'::regnamespace ORDER BY 1, 2`,
      `SELECT * FROM "${schema}".risks`,
      `SELECT * FROM "${schema}".plugin_installations`,
      'SELECT * FROM tenon.database_id',
      'SELECT role, organization_id, owner_key, login FROM tenon.plugin_roles ORDER BY 1',
      'SELECT relation::regclass::text, plugin_key, organization_id, role FROM tenon.created_relations ORDER BY 1',
      'SELECT count(*) FROM tenon.outbox',
      `SELECT * FROM public.users`,
      `SELECT rolname, rolcanlogin, rolconnlimit, rolconfig FROM pg_roles WHERE rolname IN (SELECT role FROM tenon.plugin_roles)`,
    ].map((sql) => pool.query(sql).then(({ rows }) => rows as unknown[])),
  )

describe('a backup', () => {
  it('brings everything back on an empty machine, and plugins go on', async () => {
    const before = await withDatabase('first', ({ pool }) => facts(pool))
    await bringKeys('second')
    const after = await withDatabase('second', async (second) => {
      await restoreBackup({ ...second, directory: backup })
      return facts(second.pool)
    })
    expect(after).toEqual(before)
    await withServer('second', async (call) => {
      const { token } = (await call('POST', '/api/auth/login', person)).body.data
      expect((await call('GET', '/api/risks', undefined, token)).body.data).toMatchObject({ total: 1 })
      const installations = await call('GET', '/api/plugins/installations', undefined, token)
      expect(installations.body.data).toMatchObject([{ pluginKey: 'mlflow', status: 'installed' }])
      const models = await call('GET', '/api/plugins/mlflow/models', undefined, token)
      expect(models, JSON.stringify(models.body)).toMatchObject({ status: 200 })
      expect((await call('POST', '/api/auth/register', { ...registration, email: 'b@example.com' })).status).toBe(201)
    })
    const next = await withDatabase('second', ({ pool }) => pluginRowsOf(pool))
    expect(next).toMatchObject({ notes: 300, replies: [{ id: '1', note: 7, body: { a: '\n' } }] })
  }, 120_000)

  it('is refused by a database that is in use, and by another key, which leaves an empty database', async () => {
    await expect(withDatabase('first', (first) => restoreBackup({ ...first, directory: backup }))).rejects.toThrow(
      'The database is in use already.',
    )
    const other = withDatabase('third', (third) => restoreBackup({ ...third, directory: backup }))
    await expect(other).rejects.toThrow(/^This backup was made with another TENON_SECRET_KEY/)
  }, 60_000)

  it('leaves an empty database when it is damaged, and can be tried again', async () => {
    await bringKeys('fourth')
    const file = join(backup, 'data', '00003.copy.gz')
    const whole = await readFile(file)
    await withDatabase('fourth', async (fourth) => {
      await writeFile(file, whole.subarray(0, 12))
      await expect(restoreBackup({ ...fourth, directory: backup })).rejects.toThrow()
      await writeFile(file, whole)
      const { rows } = await fourth.pool.query(
        `SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1) UNION ALL SELECT rolname FROM pg_roles WHERE rolname ~ '^tn_'`,
        [['tenon', 'tenon_api', schema]],
      )
      expect(rows).toEqual([])
      expect((await restoreBackup({ ...fourth, directory: backup })).tenants).toHaveLength(1)
    })
  }, 60_000)

  it('is only written into an empty folder, and holds no readable secret', async () => {
    await expect(
      withDatabase('first', ({ pool, sealer }) => writeBackup({ pool, sealer, directory: backup })),
    ).rejects.toThrow(/is not empty/)
    expect(await readFile(join(backup, 'manifest.json'), 'utf8')).not.toContain(person.password)
  }, 60_000)
})

async function bringKeys(name: string) {
  const { mkdir, copyFile } = await import('node:fs/promises')
  await mkdir(join(directory, name), { mode: 0o711 })
  await copyFile(join(directory, 'first', 'secrets.json'), join(directory, name, 'secrets.json'))
}

async function pluginRowsOf(pool: pg.Pool) {
  const { rows } = await pool.query(`SELECT role FROM tenon.plugin_roles WHERE owner_key = 'mlflow'`)
  const client = await pool.connect()
  await client.query(`BEGIN; GRANT ${rows[0].role} TO CURRENT_USER; SET LOCAL ROLE ${rows[0].role}`)
  const notes = await client.query(
    `SELECT count(*)::int AS n FROM "${schema}".notes WHERE mood = 'it''s bad' AND length = 2`,
  )
  const replies = await client.query(`SELECT * FROM "${schema}"."Replies"`)
  const inserted = await client.query(`INSERT INTO "${schema}".notes DEFAULT VALUES RETURNING id`)
  expect(inserted.rows[0].id).toBe(301)
  await client.query('ROLLBACK')
  client.release()
  return { notes: notes.rows[0].n as number, replies: replies.rows as unknown[] }
}
