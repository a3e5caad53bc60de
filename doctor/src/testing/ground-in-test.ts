import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { appMigrations, hostOptions, parseSettings } from '@tenon/app-server'
import { createTestDatabase } from '@tenon/embedded-postgres/testing'
import { createHostMigrator, hardenDatabase, hostConnectionOptions, type PluginHostOptions } from '@tenon/host'
import pg from 'pg'
import { pino } from 'pino'
import { type Ground, prepareGround } from '../ground.js'
import { referenceApplication } from '../reference-application.js'

export interface GroundInTest extends Ground {
  /** Whether a superuser prepared the server; on others the statement guard and the grants stand alone. */
  hardened: boolean
}

/** The reference application's database and what it tells its plugin host, as `npm start` would set it up. */
export interface DeploymentInTest {
  host: PluginHostOptions
  connection: pg.ClientConfig
  pool: pg.Pool
  /** Whether a superuser prepared the server; on others the statement guard and the grants stand alone. */
  hardened: boolean
  close(): Promise<void>
}

export async function prepareDeploymentInTest(): Promise<DeploymentInTest> {
  const database = await createTestDatabase({
    template: {
      name: 'doctor',
      async build(connection, superuser) {
        if (superuser) await harden(superuser, connection.user)
        const pool = new pg.Pool(connection)
        await createHostMigrator({ pool, application: appMigrations }).up()
        await pool.end()
      },
    },
  })
  const dataDir = await mkdtemp(path.join(tmpdir(), 'tenon-doctor-test-'))
  const pool = new pg.Pool({ ...database.connection, max: 20, options: hostConnectionOptions })
  pool.on('error', () => {})
  const { connection } = database
  const host = await hostOptions({
    database: { pool, connection },
    settings: { ...parseSettings({}), dataDir },
    secrets: { secretKeys: ['a secret key of the tests, long enough to be one'] },
    marketplaceLocation: '',
    publicUrl: 'http://localhost',
    authenticate: () => Promise.reject(new Error('nobody signs in to the ground')),
    log: pino({ level: 'silent' }),
  })
  return {
    host,
    connection,
    pool,
    hardened: database.hardened,
    async close() {
      await pool.end()
      await database.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** The ground over a database of its own with the reference application in it. */
export async function prepareGroundInTest(options: Partial<PluginHostOptions> = {}): Promise<GroundInTest> {
  const deployment = await prepareDeploymentInTest()
  const { host, connection, hardened } = deployment
  const ground = await prepareGround({ host: { ...host, ...options }, connection, application: referenceApplication })
  return {
    ...ground,
    hardened,
    async close() {
      await ground.close()
      await deployment.close()
    },
  }
}

async function harden(superuser: pg.ClientConfig, hostRole: string): Promise<void> {
  const client = new pg.Client(superuser)
  await client.connect()
  try {
    await hardenDatabase(client, { hostRole })
  } finally {
    await client.end()
  }
}
