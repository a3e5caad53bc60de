import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseHostMap } from '@tenon/host'
import { startSlackStandin, type SlackStandin } from '@tenon/standins'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { startMarketplaceServer, type MarketplaceServer } from './demo/marketplace-server.js'
import { projectDir } from './env.js'
import { startTestApp, type TestApp } from './testing/test-app.js'

const client = { clientId: 'client', clientSecret: 'client-secret' }

let directory: string
let marketplace: MarketplaceServer
let slack: SlackStandin
let app: TestApp
let admin: { token: string; id: number }
let installationId: number

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenon-slack-'))
  marketplace = await startMarketplaceServer(await splitOff(directory))
  slack = await startSlackStandin({ ...client, tls: true, publicWebhookBase: 'https://hooks.slack.com' })
  const extraCaFile = join(directory, 'slack-ca.pem')
  await writeFile(extraCaFile, slack.caCertificate ?? '')
  const address = new URL(slack.url).host
  app = await startTestApp({
    marketplaceLocation: `${marketplace.url}/plugins.json`,
    settings: {
      connections: {
        slack: {
          ...client,
          tokenUrl: 'https://slack.com/api/oauth.v2.access',
          authorizeUrl: `${slack.url}/oauth/v2/authorize`,
          revokeUrl: 'https://slack.com/api/auth.revoke',
          scopeSeparator: ',',
          audience: ['slack.com', 'hooks.slack.com'],
        },
      },
      egress: {
        allowPrivate: [],
        hostMap: parseHostMap(['slack.com', 'hooks.slack.com'].map((name) => `${name}:443=${address}`).join(',')),
        extraCaFile,
      },
    },
  })
  await app.start()
  const { email, token } = await app.register()
  const { rows } = await app.pool.query<{ id: number }>('SELECT id FROM public.users WHERE email = $1', [email])
  admin = { token, id: rows[0]?.id ?? 0 }
})
afterAll(async () => {
  await app.stop()
  await Promise.all([slack.close(), marketplace.close()])
  await rm(directory, { recursive: true, force: true })
})
beforeEach(() => app.pool.query('DELETE FROM tenon.connections; DELETE FROM tenon.outbox'))

/** The folder of the marketplace as a repository of its own, without what was installed beside it. */
async function splitOff(parent: string): Promise<string> {
  const copy = join(parent, 'marketplace')
  const filter = (path: string) => !/\/(node_modules|dist)$/.test(path)
  await cp(join(projectDir, 'marketplace'), copy, { recursive: true, filter })
  return copy
}

const api = async (method: string, path: string, body?: unknown) => {
  const answer = await app.call(method, `/api${path}`, { token: admin.token, ...(body === undefined ? {} : { body }) })
  return { status: answer.status, data: answer.body.data as unknown }
}
const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 50 })

interface Workspace {
  id: number
  team_name: string
  channel: string
  problem?: string
}

/** Signs in at Slack, chooses a channel there, and what it is told about here. */
async function connect(team: string, channel: string, routing_type: string[]): Promise<Workspace> {
  const { authorizeUrl } = (await api('POST', '/plugins/slack/oauth/start', {})).data as { authorizeUrl: string }
  const choice = new URLSearchParams({ auto: 'allow', channel, team: teamId(team) })
  const back = await new Promise<string>((resolve, reject) => {
    const options = { ca: slack.caCertificate ?? '' }
    get(`${authorizeUrl}&${choice.toString()}`, options, (response) =>
      resolve(response.resume().headers.location ?? ''),
    ).on('error', reject)
  })
  const { searchParams } = new URL(back)
  const answer = await api('POST', '/plugins/slack/oauth/connect', {
    code: searchParams.get('code'),
    state: searchParams.get('state'),
  })
  expect(answer, JSON.stringify(answer.data)).toMatchObject({ status: 201, data: { team_name: team } })
  const workspace = answer.data as Workspace
  await change(workspace, { routing_type })
  return workspace
}

const teamId = (name: string) => slack.workspaces.find((workspace) => workspace.name === name)?.id ?? ''

async function change({ id }: Workspace, body: object): Promise<void> {
  expect(await api('PATCH', `/plugins/slack/oauth/workspaces/${id}`, body)).toMatchObject({ status: 200 })
}

async function addRisk(risk_name: string): Promise<void> {
  const risk = {
    risk_name,
    risk_owner: admin.id,
    risk_description: 'The model gets worse',
    ai_lifecycle_phase: 'Monitoring & maintenance',
    likelihood: 'Likely',
    severity: 'Major',
  }
  const answer = await api('POST', '/risks', risk)
  expect(answer, JSON.stringify(answer.data)).toMatchObject({ status: 201 })
}

/** Channels that were told of something with this name, when all that was to be delivered was tried. */
async function toldOf(name: string): Promise<string[]> {
  await until(async () => {
    const { rows } = await app.pool.query<{ state: string }>(
      `SELECT state FROM tenon.event_deliveries JOIN tenon.outbox USING (event_id)
       WHERE payload::text LIKE '%' || $1 || '%' AND plugin_key = 'slack'`,
      [name],
    )
    expect(rows.map(({ state }) => state)).toEqual([expect.stringMatching(/delivered|failed/)])
  })
  return slack
    .inbox()
    .filter(({ text }) => text.includes(name))
    .map(({ channelName }) => channelName)
    .sort()
}

const workspaces = async () => (await api('GET', '/plugins/slack/oauth/workspaces')).data as Workspace[]
const revocations = () => slack.requests.filter(({ path }) => path === '/api/auth.revoke').length
const webhooksCalled = () => slack.requests.filter(({ path }) => path.startsWith('/services/')).length

it('installs every plugin of a marketplace that is a folder of its own on any web server', async () => {
  const { data } = await api('GET', '/plugins/marketplace')
  expect((data as { key: string }[]).map(({ key }) => key)).toEqual(['slack', 'mlflow', 'risk-import'])
  for (const { key } of data as { key: string }[]) {
    const installed = await api('POST', '/plugins/install', { pluginKey: key })
    expect(installed, JSON.stringify(installed.data)).toMatchObject({ status: 201, data: { status: 'installed' } })
    if (key === 'slack') installationId = (installed.data as { id: number }).id
  }
  expect(marketplace.requests).toEqual(expect.arrayContaining(['/plugins/slack/index.ts', '/plugins/mlflow/index.ts']))
})

it('tells of a new risk in the channels that want to hear of risks, and in no other', async () => {
  await connect('Example Company', 'risk-alerts', ['Evidence and task alerts'])
  await connect('Example Labs', 'research', ['Projects and organizations'])
  const off = await connect('Example Labs', 'general', ['Evidence and task alerts'])
  await change(off, { is_active: false })
  await addRisk('Drift of Monday')
  expect(await toldOf('Drift of Monday')).toEqual(['risk-alerts'])
  await change(off, { is_active: true })
  await addRisk('Drift of Tuesday')
  expect(await toldOf('Drift of Tuesday')).toEqual(['general', 'risk-alerts'])
})

it('waits as long as Slack asks for, and loses nothing', async () => {
  await connect('Example Company', 'risk-alerts', ['Evidence and task alerts'])
  const before = webhooksCalled()
  slack.failNext({ path: /^\/services\//, status: 429, headers: { 'retry-after': '1' } })
  const startedAt = performance.now()
  await addRisk('Too much at once')
  expect(await toldOf('Too much at once')).toEqual(['risk-alerts'])
  expect(performance.now() - startedAt).toBeGreaterThan(990)
  expect(webhooksCalled() - before).toBe(2)
  const { rows } = await app.pool.query('SELECT attempts FROM tenon.event_deliveries')
  expect(rows).toEqual([{ attempts: 1 }])
})

it('names the workspace that no longer takes messages, though the others do, until it takes one again', async () => {
  await connect('Example Company', 'risk-alerts', ['Evidence and task alerts'])
  const revoked = await connect('Example Labs', 'research', ['Evidence and task alerts'])
  const sentence = 'Slack no longer accepts this connection. Sign in again for it.'
  const refuse = () => slack.failNext({ path: /^\/services\//, status: 403, body: 'invalid_token', after: 1 })
  for (const name of ['Refused once', 'Refused twice']) {
    refuse()
    await addRisk(name)
    expect(await toldOf(name)).toEqual(['risk-alerts'])
  }
  await until(async () =>
    expect(await workspaces()).toEqual([
      expect.not.objectContaining({ problem: expect.anything() as unknown }),
      expect.objectContaining({
        id: revoked.id,
        problem: sentence,
        problem_since: expect.any(String) as string,
      }),
    ]),
  )
  expect((await api('GET', '/plugins/alerts')).data).toMatchObject([
    {
      pluginKey: 'slack',
      installationId,
      subject: { kind: 'connection', connectionId: revoked.id, account: 'Example Labs' },
      error: { kind: 'configuration', message: `Example Labs: ${sentence}` },
    },
  ])
  expect(await announced()).toEqual(['plugin.failing'])

  await addRisk('Taken again')
  expect(await toldOf('Taken again')).toEqual(['research', 'risk-alerts'])
  await until(async () => expect(await announced()).toEqual(['plugin.failing', 'plugin.recovered']))
  expect((await workspaces()).map(({ problem }) => problem)).toEqual([undefined, undefined])
  expect((await api('GET', '/plugins/alerts')).data).toEqual([])
})

/** What the organization was told of this connection, in order. */
async function announced(): Promise<string[]> {
  const { rows } = await app.pool.query<{ name: string }>(
    `SELECT name FROM tenon.outbox WHERE name LIKE 'plugin.%' AND payload ? 'connection' ORDER BY id`,
  )
  return rows.map(({ name }) => name)
}

it('goes on for the organization when who connected it has gone, and anybody who may disconnects it', async () => {
  const other = await app.addUser(admin.token, 'Admin')
  const first = admin
  admin = other
  const { id } = await connect('Example Labs', 'research', ['Evidence and task alerts'])
  admin = first
  await app.pool.query('DELETE FROM public.users WHERE id = $1', [other.id])
  expect(await workspaces()).toMatchObject([{ id, connected_by: other.id, is_active: true }])
  await addRisk('After the first has gone')
  expect(await toldOf('After the first has gone')).toEqual(['research'])
  expect(await api('DELETE', `/plugins/slack/oauth/workspaces/${id}`)).toMatchObject({ status: 200 })
  expect(await workspaces()).toEqual([])
})

it('takes its token back at Slack when a workspace is disconnected', async () => {
  const { id } = await connect('Example Company', 'risk-alerts', ['Evidence and task alerts'])
  const before = revocations()
  expect(await api('DELETE', `/plugins/slack/oauth/workspaces/${id}`)).toMatchObject({ status: 200 })
  expect(revocations()).toBe(before + 1)
  await addRisk('After the end')
  expect(await toldOf('After the end')).toEqual([])
  expect(await workspaces()).toEqual([])
})
