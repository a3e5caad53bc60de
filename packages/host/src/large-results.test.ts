import type { RunJson } from '@tenon/contract'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'

const plugin: TestPlugin = {
  key: 'rows',
  entry: {
    permissions: {},
    contributes: { importers: [{ id: 'rows', slot: 'risks.actions', title: 'Rows', import: 'POST /import' }] },
  },
  files: {
    'index.ts': `
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      export const router = {
        'POST /import': async ({ body }: any) => ({
          data: {
            success: false, imported: 0, failed: body.csvData.length,
            errors: body.csvData.map((_: unknown, row: number) => ({ row, message: 'Größe '.repeat(60) })),
          },
        }),
      }`,
  },
}

let it: HostInTest
let worker: Replica
const jobs = { pollMs: 100 }
beforeAll(async () => {
  it = await startHostInTest({ limits: { jobs: { ...jobs, workers: 0 } } })
  await it.publish(plugin)
  expect(await it.api('POST', '/install', { pluginKey: 'rows' })).toMatchObject({ status: 201 })
  worker = await it.startReplica({ limits: { jobs } })
})
afterAll(async () => {
  await worker.close()
  await it.close()
})
beforeEach(async () => {
  await it.pool.query(`DELETE FROM tenon.plugin_runs WHERE kind <> 'install'; DELETE FROM tenon.uploads`)
})

const answerTo = (rows: number) => ({
  success: false,
  imported: 0,
  failed: rows,
  errors: Array.from({ length: rows }, (_, row) => ({ row, message: 'Größe '.repeat(60) })),
})
const importRows = (rows: number) =>
  it.api('POST', '/rows/import', { csvData: Array.from({ length: rows }, () => ({ name: 'x' })) })
const lastRun = async () =>
  ((await it.api('GET', '/installations/1/runs?action=rows')).content as { items: RunJson[] }).items[0] as RunJson
const runOf = async (id: string) => (await it.api('GET', `/runs/${id}`)).content as RunJson

test.each([10, 1_000, 4_000])('an answer about %d rows comes whole from another server', async (rows) => {
  expect(await importRows(rows)).toMatchObject({ status: 200, content: answerTo(rows) })
  const { id, counts } = await lastRun()
  expect(counts).toEqual({ imported: 0, failed: rows })
  expect((await runOf(id)).result).toEqual(answerTo(rows))
})

test('a large answer is in no list, and takes of the room for files', async () => {
  await importRows(1_000)
  const bytes = Buffer.byteLength(JSON.stringify(answerTo(1_000)))
  const largeResult = { bytes, isKept: true }
  const listed = await lastRun()
  expect(listed).toMatchObject({ state: 'succeeded', result: null, largeResult })
  expect((await it.pool.query('SELECT held_bytes, is_idle FROM tenon.uploads')).rows).toEqual([
    { held_bytes: String(bytes), is_idle: true },
  ])
  expect(await runOf(listed.id)).toMatchObject({ result: answerTo(1_000), largeResult })
  await it.pool.query('DELETE FROM tenon.uploads')
  expect(await runOf(listed.id)).toMatchObject({ result: null, largeResult: { bytes, isKept: false } })
  await importRows(10)
  expect(await lastRun()).toMatchObject({ result: answerTo(10), largeResult: null })
})

test('who waits for an answer that there is no room for is told so, and that it was done', async () => {
  await worker.close()
  worker = await it.startReplica({ limits: { jobs, uploads: { maxHeldBytes: 200_000 } } })
  expect(await importRows(1_000)).toMatchObject({
    status: 500,
    body: { code: 'RUN_ANSWER_NOT_KEPT' },
    content: 'This was done, but its answer of 0.5 MB could not be kept for you. What it counted is with its run.',
  })
  await vi.waitFor(async () =>
    expect(await lastRun()).toMatchObject({
      state: 'succeeded',
      counts: { failed: 1_000 },
      result: null,
      largeResult: { isKept: false },
    }),
  )
})
