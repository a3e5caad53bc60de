import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parseSettings } from '../env.js'
import { type SampleServices, startSampleServices } from './sample-services.js'

let dataDir: string
let running: SampleServices[]
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tenon-samples-'))
  running = []
})
afterEach(async () => {
  await Promise.all(running.map((samples) => samples.close()))
  await rm(dataDir, { recursive: true })
})

/** Starts them as a server with this data directory does. @returns what the client fills into the form */
async function start(): Promise<unknown> {
  const samples = await startSampleServices(parseSettings({ TENON_DATA_DIR: dataDir }))
  running.push(samples)
  return samples.offers[0]?.configuration?.['tracking_server_url']
}
const stop = async (): Promise<void> => running.pop()?.close()

it('is found at the same address after a restart, because plugins were configured with it', async () => {
  const address = await start()
  await stop()
  expect(await start()).toBe(address)
})

it('takes another address while the one of last time is in use', async () => {
  const address = await start()
  const other = await start()
  expect(other).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(other).not.toBe(address)
})
