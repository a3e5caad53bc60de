import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHostInTest, type HostInTest } from '../testing/host-in-test.js'
import { createUploadSweeper } from './sweeper.js'
import { resolveUploadLimits, uploadLimitTable, type UploadLimits } from './upload-limits.js'
import { createUploadStore, type UploadOwner, type UploadStore } from './upload-store.js'

let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest()
})
afterAll(() => it.close())

const owner: UploadOwner = { organizationId: 1, pluginKey: 'importer' }
const missing = expect.objectContaining({ code: 'UPLOAD_NOT_FOUND' }) as Error
const full = expect.objectContaining({ code: 'UPLOADS_FULL' }) as Error
const storeWith = (limits: Partial<UploadLimits> = {}) =>
  createUploadStore({ pool: it.pool, limits: resolveUploadLimits(limits) })

async function keep(store: UploadStore, bytes: Uint8Array, whose = owner): Promise<string> {
  const upload = await store.begin(whose, bytes.length)
  await upload.write(bytes)
  await upload.end()
  return upload.id
}

async function piecesOf(store: UploadStore, id: string, whose = owner): Promise<Buffer[]> {
  const pieces: Buffer[] = []
  for (let piece; (piece = await store.read(whose, id, pieces.length));) pieces.push(piece)
  return pieces
}

const empty = () => it.pool.query('DELETE FROM tenon.uploads')
const left = async () => (await it.pool.query('SELECT FROM tenon.uploads')).rowCount

/** As if the file had been sent so much earlier. */
const age = (ms: number) =>
  it.pool.query(
    `UPDATE tenon.uploads SET created_at = created_at - $1 * interval '1 ms', expires_at = expires_at - $1 * interval '1 ms'`,
    [ms],
  )

describe('a file', () => {
  test('comes back as it was, in pieces, as often as it is read', async () => {
    const store = storeWith({ pieceBytes: 1_000 })
    const bytes = randomBytes(2_500)
    const upload = await store.begin(owner, 10_000)
    for (const [from, to] of [
      [0, 1],
      [1, 999],
      [999, 1_001],
      [1_001, 2_500],
    ] as const)
      await upload.write(bytes.subarray(from, to))
    expect(await upload.end()).toBe(2_500)
    for (const time of ['once', 'twice']) {
      const pieces = await piecesOf(store, upload.id)
      expect(
        pieces.map(({ length }) => length),
        time,
      ).toEqual([1_000, 1_000, 500])
      expect(Buffer.concat(pieces).equals(bytes), time).toBe(true)
    }
    expect(await piecesOf(store, await keep(store, new Uint8Array()))).toEqual([])
  })

  test('is nobody else’s: another organization and another plugin find nothing', async () => {
    const store = storeWith()
    const id = await keep(store, Buffer.from('secret'))
    await expect(store.read({ ...owner, organizationId: 2 }, id, 0)).rejects.toThrow(missing)
    await expect(store.read({ ...owner, pluginKey: 'other' }, id, 0)).rejects.toThrow(missing)
    for (const wrong of ['', 'x', `${id}'`, id.toUpperCase(), '00000000-0000-0000-0000-000000000000'])
      await expect(store.read(owner, wrong, 0), wrong).rejects.toThrow(missing)
  })

  test('cannot be read before it is complete, and not after it was abandoned', async () => {
    const store = storeWith({ pieceBytes: 2 })
    const upload = await store.begin(owner, 10)
    await upload.write(Buffer.from('half'))
    await expect(store.read(owner, upload.id, 0)).rejects.toThrow(missing)
    await upload.abandon()
    await expect(upload.write(Buffer.from('more'))).rejects.toThrow(missing)
    await expect(upload.end()).rejects.toThrow(missing)
    expect((await it.pool.query('SELECT FROM tenon.upload_pieces WHERE upload_id = $1', [upload.id])).rowCount).toBe(0)
  })
})

describe('maxHeldBytes', () => {
  const fiftyMegabytes = uploadLimitTable.maxFileBytes.value
  test('lets ten of the largest files be worked on at once, and not one byte more', async () => {
    await empty()
    const store = storeWith()
    const begun = await Promise.all(Array.from({ length: 10 }, () => store.begin(owner, fiftyMegabytes)))
    await expect(store.begin(owner, 1)).rejects.toThrow(full)
    await store.begin({ ...owner, organizationId: 2 }, fiftyMegabytes)
    await begun[0]?.abandon()
    await store.begin(owner, fiftyMegabytes)
  })

  test('can be set; of many requests at once exactly as many get room as there is', async () => {
    await empty()
    const store = storeWith({ maxHeldBytes: 30 })
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => store.begin(owner, 10)))
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  })

  test('is kept by letting go what nobody works on, the oldest first', async () => {
    await empty()
    const store = storeWith({ maxHeldBytes: 30 })
    const ids: string[] = []
    for (const text of ['first bytes', 'second one', 'thirds']) ids.push(await keep(store, Buffer.from(text)))
    await expect(store.begin(owner, 10)).rejects.toThrow(full)
    await store.release(owner, ids[0] ?? '')
    await store.release(owner, ids[1] ?? '')
    await store.begin(owner, 10)
    await expect(store.read(owner, ids[0] ?? '', 0)).rejects.toThrow(missing)
    expect(String(await store.read(owner, ids[1] ?? '', 0))).toBe('second one')
  })
})

describe('keptMs', () => {
  const day = uploadLimitTable.keptMs.value
  test('keeps a file for a day, and not longer', async () => {
    await empty()
    const store = storeWith()
    const id = await keep(store, Buffer.from('kept'))
    await age(day - 60_000)
    await store.sweep()
    expect(String(await store.read(owner, id, 0))).toBe('kept')
    await age(60_000)
    await expect(store.read(owner, id, 0)).rejects.toThrow(missing)
    await store.sweep()
    expect(await left()).toBe(0)
  })

  test('can be set', async () => {
    const store = storeWith({ keptMs: 1_000 })
    await keep(store, Buffer.from('kept'))
    await age(1_000)
    await store.sweep()
    expect(await left()).toBe(0)
  })
})

describe('maxPauseMs', () => {
  test.each([
    [{}, uploadLimitTable.maxPauseMs.value],
    [{ maxPauseMs: 5_000 }, 5_000],
  ])('%o removes a file whose sender pauses for longer, and no other', async (limits, pause) => {
    await empty()
    const store = storeWith({ pieceBytes: 2, ...limits })
    const upload = await store.begin(owner, 10)
    for (const part of ['ab', 'cd']) {
      await age(pause - 2_000)
      await store.sweep()
      await upload.write(Buffer.from(part))
    }
    await age(pause)
    await store.sweep()
    expect(await left()).toBe(0)
    await expect(upload.write(Buffer.from('ef'))).rejects.toThrow(missing)
  })
})

describe('pieceBytes', () => {
  test.each([
    [{}, uploadLimitTable.pieceBytes.value],
    [{ pieceBytes: 10 }, 10],
  ])('%o: a file of that size is one piece, a larger one is two', async (limits, bytes) => {
    const store = storeWith(limits)
    expect(await piecesOf(store, await keep(store, Buffer.alloc(bytes)))).toHaveLength(1)
    expect(await piecesOf(store, await keep(store, Buffer.alloc(bytes + 1)))).toHaveLength(2)
  })
})

test('sweepMs says how often is looked; a look that fails is told and not the last one', async () => {
  const told: string[] = []
  let looks = 0
  const sweep = async () => {
    looks += 1
    if (looks === 1) throw new Error('no database')
  }
  const sweeper = createUploadSweeper({ store: { sweep }, sweepMs: 5, log: (event) => void told.push(event) })
  sweeper.start()
  await expect.poll(() => looks).toBeGreaterThan(2)
  await sweeper.stop()
  const until = looks
  await sleep(20)
  expect({ looks, told }).toEqual({ looks: until, told: ['upload-sweep-failed'] })
  const patient = createUploadSweeper({ store: { sweep }, sweepMs: 15_000, log: () => {} })
  patient.start()
  await sleep(50)
  await patient.stop()
  expect(looks).toBe(until + 1)
})
