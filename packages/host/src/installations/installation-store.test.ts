import { PluginInstallationStatus as Status, type CatalogEntry } from '@tenon/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../migrations/index.js'
import { createTenancyDatabase, type TenancyDatabase } from '../testing/tenancy-database.js'
import { createInstallationStore } from './installation-store.js'
import { installationsMigration } from './migration.js'

const claimMs = 200
let database: TenancyDatabase
beforeAll(async () => {
  database = await createTenancyDatabase()
  await inTransaction(database.pool, (client) => installationsMigration.up(client, undefined))
})
afterAll(() => database.drop())

const storeOf = (life = claimMs) =>
  createInstallationStore({ pool: database.pool, replicaId: 'one server', claimMs: life })
const manifest = { key: 'any', displayName: 'Any' } as CatalogEntry
const entry = (pluginKey: string) => ({
  pluginKey,
  version: '1.0.0',
  manifest,
  source: 'here',
  attempt: crypto.randomUUID(),
})
const runOut = () => new Promise((resolve) => setTimeout(resolve, claimMs + 50))
const noProblem = (_tenant: unknown, problem: unknown) => expect(problem).toBeUndefined()

test('a claim that ran out is lost to its first holder, also when the same server took it over', async () => {
  const [store, tenant] = [storeOf(), await database.tenancy.createTenant(1)]
  const { claim: first, installation } = await store.claimNew(tenant, entry('stalled'))
  await runOut()
  const [taken] = await store.takeExpired(noProblem)
  expect(taken?.installation.id).toBe(installation.id)
  expect(await store.renew(first)).toBe(false)
  const interrupted = { code: 'INTERRUPTED' }
  await expect(store.note(first, { tables: [] })).rejects.toMatchObject(interrupted)
  await expect(store.settle(first, { status: Status.INSTALLED })).rejects.toMatchObject(interrupted)
  await expect(store.remove(first)).rejects.toMatchObject(interrupted)
  if (taken) await store.settle(taken.claim, { status: Status.FAILED })
  expect(await store.find(tenant, installation.id)).toMatchObject({ status: 'failed' })
})

test('a tenant whose table is missing keeps nobody else from being recovered', async () => {
  const [store, broken, whole] = [
    storeOf(),
    await database.tenancy.createTenant(2),
    await database.tenancy.createTenant(3),
  ]
  await store.claimNew(broken, entry('lost'))
  await store.claimNew(whole, entry('waiting'))
  await database.pool.query(`ALTER TABLE "${broken.schema}".plugin_installations RENAME TO elsewhere`)
  await runOut()
  const problems: number[] = []
  const taken = await store.takeExpired(({ organizationId }) => problems.push(organizationId))
  expect(taken.map(({ claim }) => claim.tenant.organizationId)).toEqual([3])
  expect(problems).toEqual([2])

  await database.pool.query(`ALTER TABLE "${broken.schema}".elsewhere RENAME TO plugin_installations`)
  await runOut()
  const again = await store.takeExpired(noProblem)
  expect(again.map(({ claim }) => claim.tenant.organizationId).sort()).toEqual([2, 3])
  for (const { claim } of again) await store.remove(claim)
})

test('an open claim whose row has gone is forgotten, one that somebody holds is not', async () => {
  const [store, long, tenant] = [storeOf(), storeOf(60_000), await database.tenancy.createTenant(4)]
  const { installation: gone } = await store.claimNew(tenant, entry('gone'))
  const { installation: held } = await long.claimNew(tenant, entry('held'))
  await database.pool.query(`DELETE FROM "${tenant.schema}".plugin_installations WHERE id = $1`, [gone.id])
  await database.pool.query(
    `UPDATE tenon.open_claims SET expires_at = now() - interval '1 second' WHERE organization_id = 4`,
  )
  expect(await store.takeExpired(noProblem)).toEqual([])
  const { rows } = await database.pool.query(
    'SELECT installation_id AS id FROM tenon.open_claims WHERE organization_id = 4',
  )
  expect(rows).toEqual([{ id: held.id }])
})
