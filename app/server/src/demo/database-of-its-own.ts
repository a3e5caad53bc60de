import { randomUUID } from 'node:crypto'
import pg from 'pg'

export interface DatabaseOfItsOwn {
  url: string
  /** Removes the database and the roles that were made for its plugins. */
  drop(): Promise<void>
}

/**
 * A database for one demonstration on a server of one's own, beside the one that the address names.
 *
 * @throws Error when the role of the address may not create databases
 */
export async function createDatabaseOfItsOwn(serverUrl: string): Promise<DatabaseOfItsOwn> {
  const name = `tenon_demo_${randomUUID().slice(0, 8)}`
  await onServer(serverUrl, (client) => client.query(`CREATE DATABASE ${name}`)).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`The demonstration makes a database of its own, which needs CREATEDB: ${reason}`, { cause })
  })
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return {
    url: url.href,
    async drop() {
      const roles = await onServer(url.href, async (client) => {
        const { rows } = await client.query<{ role: string }>(pluginRoles)
        return rows.map(({ role }) => pg.escapeIdentifier(role))
      })
      await onServer(serverUrl, async (client) => {
        await client.query(`DROP DATABASE ${name}`)
        if (roles.length > 0) await client.query(`DROP ROLE ${roles.join(', ')}`)
      })
    },
  }
}

/** The roles of plugins, and the group that they all belong to. */
const pluginRoles = `
  SELECT role::text FROM tenon.plugin_roles
  UNION
  SELECT g.rolname::text FROM pg_auth_members m
  JOIN pg_roles g ON g.oid = m.roleid
  JOIN pg_roles u ON u.oid = m.member
  JOIN tenon.plugin_roles p ON p.role = u.rolname`

async function onServer<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
