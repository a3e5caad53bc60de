import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { grantable } from './grantable.js'
import { parseSettings, SettingsError, settingsTable } from './env.js'

const secret = 's'.repeat(32)

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    parseSettings(environment)
    return []
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.problems
  }
}

it('needs no setting at all', () => {
  expect(parseSettings({})).toMatchObject({
    port: 3000,
    host: '127.0.0.1',
    databaseUrl: undefined,
    dataDir: resolve(import.meta.dirname, '../../../.tenon'),
    registration: 'open',
    installLimitPerHour: 20,
    trustProxy: false,
    sandboxMinTier: 1,
    sandboxMaxTier: 3,
    operatorEmails: [],
    production: false,
  })
})

it('takes an empty variable for an absent one', () => {
  expect(parseSettings({ PORT: '', DATABASE_URL: ' ' })).toMatchObject({ port: 3000, databaseUrl: undefined })
})

it('lists every problem at once, in one readable error', () => {
  const environment = {
    PORT: '70000',
    DATABASE_URL: 'mysql://x',
    TRUST_PROXY: 'true',
    SLACK_CLIENT_ID: 'id',
    NODE_ENV: 'production',
  }
  expect(problemsOf(environment)).toEqual([
    'PORT must be a port from 0 (any free one) to 65535',
    'DATABASE_URL must look like postgres://user:password@host:5432/database',
    'TRUST_PROXY must be false, a number of proxies, or their addresses; true would let every client choose its address',
    'TENON_SECRET_KEY is required in production (openssl rand -base64 48)',
    'JWT_SECRET is required in production (openssl rand -base64 48)',
    'SLACK_CLIENT_ID and SLACK_CLIENT_SECRET are needed together',
  ])
  expect(() => parseSettings(environment)).toThrow(/^6 settings cannot be used:\n {2}- PORT must/)
})

it('takes a database on a socket as well as one on a host', () => {
  for (const url of [
    'postgres://u:p@/db?host=/tmp',
    'postgresql:///db?host=/tmp',
    'postgres://u:p@127.0.0.1:5432/db',
  ]) {
    expect(parseSettings({ DATABASE_URL: url }).databaseUrl).toBe(url)
  }
})

it('closes registration in production unless it is opened on purpose', () => {
  const production = { NODE_ENV: 'production', TENON_SECRET_KEY: secret, JWT_SECRET: secret }
  expect(parseSettings(production)).toMatchObject({ registration: 'invite', allowUnreviewed: false })
  expect(parseSettings({ ...production, REGISTRATION: 'open' }).registration).toBe('open')
})

it('takes a secret of 32 characters and refuses one of 31', () => {
  expect(problemsOf({ JWT_SECRET: 's'.repeat(32) })).toEqual([])
  expect(problemsOf({ JWT_SECRET: 's'.repeat(31) })).toEqual(['JWT_SECRET must have at least 32 characters'])
})

it('takes several keys, the first of which seals', () => {
  const [first, second] = ['a'.repeat(32), 'b'.repeat(40)]
  expect(parseSettings({ TENON_SECRET_KEY: `${first}, ${second}` }).secretKeys).toEqual([first, second])
  expect(problemsOf({ TENON_SECRET_KEY: `${first},short` })).toHaveLength(1)
})

it('reads proxies, private networks, a host map and operators', () => {
  const settings = parseSettings({
    TRUST_PROXY: 'loopback, 10.0.0.0/8',
    EGRESS_ALLOW_PRIVATE: '127.0.0.1/32:5000-5999,10.0.0.0/8',
    EGRESS_HOST_MAP: 'slack.com:443=127.0.0.1:4711',
    OPERATOR_EMAILS: 'Ops@Example.com, second@example.com',
  })
  expect(settings.trustProxy).toEqual(['loopback', '10.0.0.0/8'])
  expect(settings.egress.allowPrivate).toHaveLength(2)
  expect(settings.egress.hostMap.get('slack.com:443')).toEqual({ host: '127.0.0.1', port: 4711 })
  expect(settings.operatorEmails).toEqual(['ops@example.com', 'second@example.com'])
})

it.each([
  ['EGRESS_ALLOW_PRIVATE', '10.0.0.0/33'],
  ['EGRESS_ALLOW_PRIVATE', '127.0.0.1/32:6000-5000'],
  ['OPERATOR_EMAILS', 'not-an-address'],
  ['TRUST_PROXY', 'proxy.example.com'],
  ['PUBLIC_URL', 'ftp://example.com'],
  ['PLUGIN_MARKETPLACE_URL', 'file:///etc/passwd'],
  ['INSTALL_LIMIT_PER_HOUR', '0'],
  ['REGISTRATION', 'closed'],
  ['SANDBOX_MIN_TIER', '4'],
  ['SANDBOX_MAX_TIER', '0'],
])('refuses %s=%s', (name, text) => {
  expect(problemsOf({ [name]: text })).toHaveLength(1)
})

it('takes FRONTEND_URL for PUBLIC_URL, and refuses two different ones', () => {
  expect(parseSettings({ FRONTEND_URL: 'https://app.example.com/' }).publicUrl).toBe('https://app.example.com')
  expect(problemsOf({ FRONTEND_URL: 'https://a.example.com', PUBLIC_URL: 'https://b.example.com' })).toHaveLength(1)
})

it('takes the Slack app from the environment, with the addresses that Slack has', () => {
  const addresses = {
    tokenUrl: 'https://slack.com/api/oauth.v2.access',
    authorizeUrl: 'https://slack.com/oauth/v2/authorize',
    revokeUrl: 'https://slack.com/api/auth.revoke',
    scopeSeparator: ',',
    audience: ['slack.com', 'hooks.slack.com'],
  }
  expect(parseSettings({}).connections).toEqual({ slack: { clientId: '', clientSecret: '', ...addresses } })
  const app = { SLACK_CLIENT_ID: 'id', SLACK_CLIENT_SECRET: 'secret' }
  expect(parseSettings(app).connections).toEqual({ slack: { clientId: 'id', clientSecret: 'secret', ...addresses } })
  expect(parseSettings({ ...app, SLACK_API_URL: 'https://slack.example/token' }).connections['slack']?.tokenUrl).toBe(
    'https://slack.example/token',
  )
})

it('takes the services of plugins from a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tenon-connections-'))
  const file = join(folder, 'connections.json')
  const written = (content: unknown): Promise<void> => writeFile(file, JSON.stringify(content))
  const problem = () => problemsOf({ PLUGIN_CONNECTIONS: file }).join()
  const client = {
    clientId: 'id',
    clientSecret: 'secret',
    authorizeUrl: 'https://api.example.com/authorize',
    tokenUrl: 'https://api.example.com/token',
    audience: ['api.example.com'],
  }
  try {
    expect(problem()).toContain('PLUGIN_CONNECTIONS is not understood: no such file')
    await written({ 'team-chat': client })
    const settings = parseSettings({ PLUGIN_CONNECTIONS: file })
    expect(Object.keys(grantable(settings).connections)).toEqual(['slack', 'team-chat'])
    expect(grantable(settings).connections).toMatchObject({ 'team-chat': client })
    await written({ 'team-chat': { ...client, tokenUrl: 'token', clientID: 'x' } })
    expect(problem()).toBe(
      'PLUGIN_CONNECTIONS is not understood: team-chat.tokenUrl must be an http or https address; team-chat has no field clientID',
    )
    await written({ slack: client })
    expect(parseSettings({ PLUGIN_CONNECTIONS: file }).connections).toEqual({ slack: client })
    const both = { PLUGIN_CONNECTIONS: file, SLACK_CLIENT_ID: 'id', SLACK_CLIENT_SECRET: 'secret' }
    expect(problemsOf(both)).toEqual([
      'SLACK_CLIENT_ID is short for an entry slack of PLUGIN_CONNECTIONS, which has one already. Keep one of the two.',
    ])
    await writeFile(file, '{')
    expect(problem()).toMatch(/^PLUGIN_CONNECTIONS is not understood: .*JSON/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

it('takes a marketplace by its address or by a path', () => {
  const locationOf = (text: string) => parseSettings({ PLUGIN_MARKETPLACE_URL: text }).marketplaceLocation
  expect(parseSettings({}).marketplaceLocation).toBeUndefined()
  expect(locationOf('https://example.com/main/plugins.json')).toBe('https://example.com/main/plugins.json')
  expect(locationOf('/srv/marketplace')).toBe('/srv/marketplace')
  expect(locationOf('my-marketplace')).toBe(resolve('my-marketplace'))
})

it('describes each setting once', () => {
  const names = settingsTable.map((setting) => setting.name)
  expect(new Set(names).size).toBe(names.length)
  expect(settingsTable.every((setting) => setting.about.endsWith('.'))).toBe(true)
})
