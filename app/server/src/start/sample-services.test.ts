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

/** Starts them as a server with this data directory does. */
async function startAll(): Promise<SampleServices> {
  const samples = await startSampleServices(parseSettings({ TENON_DATA_DIR: dataDir }))
  running.push(samples)
  return samples
}

/** @returns what the client fills into the form */
async function start(): Promise<unknown> {
  return (await startAll()).offers[0]?.configuration?.['tracking_server_url']
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

it('knows the workspaces after a restart that were connected before', async () => {
  const chatOf = ({ settings, offers }: SampleServices) => {
    const { authorizeUrl, clientId = '', clientSecret = '' } = settings.connections['slack'] ?? {}
    return {
      authorizeUrl,
      origin: new URL(offers[1]?.page?.url ?? '').origin,
      client: { client_id: clientId, client_secret: clientSecret },
    }
  }
  const first = chatOf(await startAll())
  const redirect_uri = 'http://127.0.0.1/back'
  const query = new URLSearchParams({ ...first.client, redirect_uri, scope: 'chat:write', auto: 'allow' })
  const decided = await fetch(`${first.authorizeUrl}?${query}`, { redirect: 'manual' })
  const code = new URL(decided.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const body = new URLSearchParams({ ...first.client, redirect_uri, code })
  const { access_token: token } = (await (
    await fetch(`${first.origin}/api/oauth.v2.access`, { method: 'POST', body })
  ).json()) as { access_token: string }
  await stop()

  const second = chatOf(await startAll())
  expect(second.origin).toBe(first.origin)
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${second.origin}/api/auth.test`, { method: 'POST', headers })
  expect(await answer.json()).toMatchObject({ ok: true, team: 'Example Company' })
})
