import pg from 'pg'
import { hostilePlugin } from './hostile-plugin.js'
import type { Scene } from './scene.js'

/** What came of one statement. */
export interface StatementAnswer {
  error?: string
  /** What else the error says: table, column, value. */
  details?: string
  /** Rows that came back. */
  count?: number
  /** The first of them, as JSON. */
  rows?: string
}

export interface Sending {
  statements: readonly string[]
  send: 'autocommit' | 'transaction' | 'lifecycle'
  replacements?: Record<string, unknown>
  bind?: unknown[]
}

/** A way on which attacks travel to the database. */
export interface Sender {
  send(sending: Sending): Promise<StatementAnswer[]>
}

/** As any plugin does: from its own process, through the façade and the guard. */
export function throughPlugin({ ground }: Scene): Sender {
  const { key } = hostilePlugin
  const { attacker } = ground
  return {
    async send({ statements, send, ...options }) {
      if (send === 'lifecycle') return fromConfigure(statements)
      const body = { statements, inTransaction: send === 'transaction', ...options }
      const { data } = await ground.call(attacker, key, 'POST', '/send', body)
      return data as StatementAnswer[]
    },
  }

  async function fromConfigure(statements: readonly string[]): Promise<StatementAnswer[]> {
    const installed = await ground.host.service.getInstalledPlugins(attacker.schema)
    const id = installed.find(({ pluginKey }) => pluginKey === key)?.id ?? 0
    try {
      await ground.host.service.updateConfiguration(id, attacker.userId, attacker.schema, { statements })
    } catch (error) {
      return [{ error: error instanceof Error ? error.message : String(error) }]
    }
    const body = { statements: ['SELECT entry FROM diary'] }
    const { data } = await ground.call(attacker, key, 'POST', '/send', body)
    const [answer] = data as StatementAnswer[]
    const [diary] = JSON.parse(answer?.rows ?? '[]') as { entry: string }[]
    return JSON.parse(diary?.entry ?? '[]') as StatementAnswer[]
  }
}

/**
 * On a connection that is logged in as the plugin's role, as if its process, the façade and the guard were all broken.
 * The role's password is changed for it; the host sets its own again when it next connects.
 */
export function onTheBareRole({ ground, role }: Scene): Sender {
  const password = 'known to the doctor'
  const { user: _user, password: _password, ...server } = ground.connection
  return {
    async send({ statements, send, bind }) {
      await ground.pool.query(`ALTER ROLE ${pg.escapeIdentifier(role)} PASSWORD '${password}'`)
      const client = new pg.Client({
        ...server,
        user: role,
        password,
        options: `-c search_path="${ground.attacker.schema}",public -c statement_timeout=2000 -c lock_timeout=1000`,
      })
      client.on('error', () => {})
      await client.connect()
      const answers: StatementAnswer[] = []
      try {
        if (send !== 'autocommit') await client.query('BEGIN')
        for (const sql of statements) {
          if (send !== 'autocommit') await client.query('SAVEPOINT doctor').catch(() => {})
          const answer = await run(client, sql, bind)
          answers.push(answer)
          if (answer.error && send !== 'autocommit') await client.query('ROLLBACK TO SAVEPOINT doctor').catch(() => {})
        }
        if (send !== 'autocommit') await client.query('COMMIT').catch(() => {})
      } finally {
        await client.end().catch(() => {})
      }
      return answers
    },
  }
}

async function run(client: pg.Client, sql: string, bind: unknown[] | undefined): Promise<StatementAnswer> {
  try {
    const result = await client.query(bind ? { text: sql, values: bind } : { text: sql })
    const results = Array.isArray(result) ? (result as pg.QueryResult[]) : [result]
    const rows = (results.at(-1)?.rows ?? []) as unknown[]
    return { count: rows.length, rows: JSON.stringify(rows.slice(0, 50)).slice(0, 20_000) }
  } catch (error) {
    const { message, detail = '' } = error as pg.DatabaseError
    return { error: message, details: detail }
  }
}
