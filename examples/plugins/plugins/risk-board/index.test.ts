import { expect, it } from 'vitest'
import { countRisks, install, listRisks, router, uninstall } from './index'

const asked: unknown[] = []
const sequelize = {
  query: (sql: string, options: unknown) => Promise.resolve(asked.push([sql, options])),
} as unknown as Parameters<typeof countRisks>[0]

it('makes nothing, and leaves nothing', async () => {
  expect(await install()).toMatchObject({ success: true })
  expect(await uninstall()).toMatchObject({ success: true })
})

it('reads the risks of its own organization only', async () => {
  await countRisks(sequelize, 'tenant')
  expect(JSON.stringify(asked.at(-1))).toContain('FROM \\"tenant\\".risks')
  expect(() => countRisks(sequelize, 'other".risks; --')).toThrow('not the name of an organization')
})

it('puts what was asked for into no statement', async () => {
  await listRisks(sequelize, 'tenant', { likelihood: `x' OR true --` })
  expect(asked.at(-1)).toMatchObject([expect.not.stringContaining('OR true'), { replacements: { severity: '' } }])
  expect(Object.keys(router)).toEqual(['GET /board', 'GET /risks/:likelihood/:severity'])
})
