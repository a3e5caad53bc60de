import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GroundInTest, prepareGroundInTest } from './testing/ground-in-test.js'

let ground: GroundInTest
beforeAll(async () => {
  ground = await prepareGroundInTest()
})
afterAll(() => ground.close())

describe('the ground', () => {
  test('runs a plugin of its own for one organization, in its own process and role', async () => {
    await ground.install(ground.attacker, {
      key: 'reads-risks',
      entry: { permissions: { database: { tenantSchema: true, tables: { risks: ['select'] } } } },
      files: {
        'index.ts': `
          export async function install() { return { success: true } }
          export async function uninstall() { return { success: true } }
          export const metadata = {}
          export const router = {
            'POST /names': async ({ sequelize, body }: any) => ({
              data: await sequelize.query(body.sql, { type: 'SELECT' }),
            }),
          }`,
      },
    })
    const answer = await ground.call(ground.attacker, 'reads-risks', 'POST', '/names', {
      sql: 'SELECT risk_name FROM risks',
    })
    expect(answer).toMatchObject({ status: 200, data: [{ risk_name: ground.attacker.canary }] })
  })

  test('keeps a plugin that the host does not admit off the shelf, with the reason', async () => {
    await expect(ground.install(ground.victim, { key: 'install', files: {} })).rejects.toThrow(/not accepted/)
  })

  test('leaves nothing behind', async () => {
    const own = await prepareGroundInTest()
    const { organizationId, schema } = await own.addTenant('Third')
    await own.install(own.victim, {
      key: 'short-lived',
      files: {
        'index.ts': `
          export async function install() { return { success: true } }
          export async function uninstall() { return { success: true } }
          export const metadata = {}`,
      },
    })
    const { rows } = await own.pool.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
    expect([organizationId > 1_000_000_000, rows.length]).toEqual([true, 1])
    const left: Record<string, unknown>[] = []
    const end = own.pool.end.bind(own.pool)
    own.pool.end = async () => {
      const found = await own.pool.query<Record<string, unknown>>(
        `SELECT nspname AS name FROM pg_namespace WHERE nspname IN (SELECT schema FROM tenon.tenants) OR nspname = $1
         UNION ALL SELECT name FROM public.organizations WHERE id = $2
         UNION ALL SELECT location FROM tenon.catalog_copies UNION ALL SELECT plugin_key FROM tenon.artifacts`,
        [schema, organizationId],
      )
      left.push(...found.rows)
      await end()
    }
    await own.close()
    expect(left).toEqual([])
  })
})
