import { isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ConnectionGrant } from '@tenon/contract'
import type { AddressExemption, HostMap } from '@tenon/host'
import * as z from 'zod'
import * as value from './setting-values.js'

interface SettingRow {
  schema: z.ZodType<unknown, string>
  /** Text that stands for an absent value; absent when there is none. */
  default?: string
  /** What the documentation says of the default when it is not a plain text. */
  defaultNote?: string
  about: string
}

/** Everything that an operator can set, one row each. `docs/settings.md` is made from it. */
const rows = {
  PORT: {
    schema: value.portSchema,
    default: '3000',
    about: 'Port to listen on; 0 takes any free one.',
  },
  HOST: {
    schema: value.hostSchema,
    default: '127.0.0.1',
    about: 'Address to listen on. `0.0.0.0` opens the server to the network.',
  },
  DATABASE_URL: {
    schema: value.postgresUrlSchema,
    defaultNote: 'the Postgres that Tenon carries along',
    about:
      'A Postgres server of your own (15 or newer), as a direct connection without a transaction pooler. The role needs CREATEROLE and must own the database.',
  },
  TENON_DATA_DIR: {
    schema: z.string(),
    defaultNote: '`.tenon` in the project',
    about: 'Folder for the embedded database, generated secrets and the cache of plugin code.',
  },
  TENON_SECRET_KEY: {
    schema: value.secretListSchema,
    defaultNote: 'generated and kept; required in production',
    about:
      'Seals the secrets of plugins. Several keys, separated by commas, rotate it: the first seals, all of them open.',
  },
  JWT_SECRET: {
    schema: value.secretSchema,
    defaultNote: 'generated and kept; required in production',
    about: 'Signs sessions. A new one signs everybody out.',
  },
  PLUGIN_MARKETPLACE_URL: {
    schema: value.marketplaceSchema,
    defaultNote: 'the marketplace that comes with Tenon',
    about: 'An http(s) address of a `plugins.json`, or a local path.',
  },
  PUBLIC_URL: {
    schema: value.baseAddressSchema,
    defaultNote: '`FRONTEND_URL`, else `http://HOST:PORT`',
    about: 'Address under which browsers reach this server; OAuth services send people back to it.',
  },
  FRONTEND_URL: {
    schema: value.baseAddressSchema,
    defaultNote: '`PUBLIC_URL`',
    about: 'Another name for PUBLIC_URL.',
  },
  SLACK_CLIENT_ID: {
    schema: z.string(),
    defaultNote: 'Slack cannot be connected',
    about: 'Client id of your Slack app. It and the four below are short for an entry `slack` of PLUGIN_CONNECTIONS.',
  },
  SLACK_CLIENT_SECRET: {
    schema: z.string(),
    defaultNote: 'Slack cannot be connected',
    about: 'Client secret of your Slack app.',
  },
  SLACK_API_URL: {
    schema: value.webAddressSchema,
    default: 'https://slack.com/api/oauth.v2.access',
    about: 'Where a code from Slack is exchanged for a token.',
  },
  SLACK_AUTHORIZE_URL: {
    schema: value.webAddressSchema,
    default: 'https://slack.com/oauth/v2/authorize',
    about: 'The page on which people agree to connect Slack.',
  },
  SLACK_REVOKE_URL: {
    schema: value.webAddressSchema,
    default: 'https://slack.com/api/auth.revoke',
    about: 'Where a token is taken back when nobody is connected to its workspace any more.',
  },
  PLUGIN_CONNECTIONS: {
    schema: value.connectionsFileSchema,
    defaultNote: 'none',
    about:
      'JSON file with the clients of the services that plugins connect to, by plugin key. See the guide of plugin authors.',
  },
  SANDBOX_MIN_TIER: {
    schema: z
      .enum(['1', '2', '3', 'T1', 'T2', 'T3'], 'must be 1, 2 or 3')
      .transform((tier) => Number(tier.slice(-1)) as 1 | 2 | 3),
    default: '1',
    about: 'Least strength of the sandbox (1, 2 or 3) below which no plugin is run. See the threat model.',
  },
  SANDBOX_MAX_TIER: {
    schema: z
      .enum(['1', '2', '3', 'T1', 'T2', 'T3'], 'must be 1, 2 or 3')
      .transform((tier) => Number(tier.slice(-1)) as 1 | 2 | 3),
    default: '3',
    about:
      'Strongest sandbox (1, 2 or 3) that is tried. The strongest that withstands an attack at the start is taken.',
  },
  INSTALL_LIMIT_PER_HOUR: {
    schema: value.positiveIntegerSchema,
    default: '20',
    about: 'Installations that one address may start in an hour.',
  },
  TRUST_PROXY: {
    schema: value.trustProxySchema,
    default: 'false',
    about: 'How many proxies stand in front of the server, or their addresses (`loopback,10.0.0.0/8`).',
  },
  EGRESS_ALLOW_PRIVATE: {
    schema: value.privateRangesSchema,
    defaultNote: 'none',
    about:
      'Private networks that plugins may be allowed to reach: `127.0.0.1/32:5000-5999,10.0.0.0/8`. An admin has to agree as well.',
  },
  EGRESS_HOST_MAP: {
    schema: value.hostMapSchema,
    defaultNote: 'none',
    about:
      'Where a name is really found: `slack.com:443=127.0.0.1:4711`. For demonstrations and tests; refused in production.',
  },
  TENON_EXTRA_CA: {
    schema: z.string(),
    defaultNote: 'none',
    about: 'PEM file with certificate authorities that requests of plugins trust besides the usual ones.',
  },
  TENON_COMPAT_NETWORK: {
    schema: z.enum(['configuration', 'public'], 'must be configuration or public'),
    default: 'configuration',
    about:
      'What plugins without declared permissions may reach: the hosts in their `configuration`, or any `public` host.',
  },
  TENON_ALLOW_UNREVIEWED: {
    schema: value.flagSchema,
    defaultNote: '`false` in production, otherwise `true`',
    about: 'Whether unsigned plugins without declared permissions may be installed.',
  },
  SAMPLE_SERVICES: {
    schema: value.flagSchema,
    defaultNote: '`false` in production, otherwise `true`',
    about:
      'Starts stand-ins for MLflow and Slack on this machine, which the dashboard offers for trying plugins; refused in production.',
  },
  OPERATOR_EMAILS: {
    schema: value.emailListSchema,
    defaultNote: 'none',
    about: 'Addresses of the people who run this installation. Register them first: whoever does is believed.',
  },
  REGISTRATION: {
    schema: z.enum(['open', 'invite'], 'must be open or invite'),
    defaultNote: '`invite` in production, otherwise `open`',
    about:
      '`open`: anybody may register an organization. `invite`: only addresses in OPERATOR_EMAILS may; everybody else is added by an admin.',
  },
  LOG_LEVEL: {
    schema: z.enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'must be fatal, error, warn, info, debug, trace or silent',
    ),
    default: 'info',
    about: 'How much is logged.',
  },
  NODE_ENV: {
    schema: z.string(),
    default: 'development',
    about: '`production` refuses generated secrets and closes registration.',
  },
} satisfies Record<string, SettingRow>

type SettingName = keyof typeof rows
type Defaulted = { [Name in SettingName]: (typeof rows)[Name] extends { default: string } ? Name : never }[SettingName]
type Parsed = { [Name in Defaulted]: z.output<(typeof rows)[Name]['schema']> } & {
  [Name in Exclude<SettingName, Defaulted>]: z.output<(typeof rows)[Name]['schema']> | undefined
}

/** One row of the table of settings. */
export interface SettingDescription {
  name: string
  default: string
  about: string
}

/** All settings in words, for `docs/settings.md` and for help. */
export const settingsTable: readonly SettingDescription[] = Object.entries<SettingRow>(rows).map(([name, row]) => ({
  name,
  default: row.defaultNote ?? `\`${row.default ?? ''}\``,
  about: row.about,
}))

/** How the server is set up. */
export interface Settings {
  port: number
  host: string
  /** Absent: the embedded server is used. */
  databaseUrl: string | undefined
  dataDir: string
  /** The first key seals, all of them open. Absent: generated and kept in the data directory. */
  secretKeys: string[] | undefined
  jwtSecret: string | undefined
  marketplaceLocation: string | undefined
  /** Absent: made from the address that the server really listens on. */
  publicUrl: string | undefined
  /** The services that plugins connect to, by plugin key. */
  connections: Readonly<Record<string, ConnectionGrant>>
  sandboxMinTier: 1 | 2 | 3
  sandboxMaxTier: 1 | 2 | 3
  installLimitPerHour: number
  trustProxy: boolean | number | string[]
  egress: { allowPrivate: AddressExemption[]; hostMap: HostMap; extraCaFile: string | undefined }
  compatNetwork: 'configuration' | 'public'
  allowUnreviewed: boolean
  operatorEmails: string[]
  registration: 'open' | 'invite'
  logLevel: string
  production: boolean
  /** Stand-ins for outside services run on this machine. */
  sampleServices: boolean
}

/** Settings that cannot be used, all of them at once. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'

  constructor(readonly problems: readonly string[]) {
    const heading = problems.length === 1 ? 'A setting cannot be used:' : `${problems.length} settings cannot be used:`
    super([heading, ...problems.map((problem) => `  - ${problem}`), 'See docs/settings.md.'].join('\n'))
  }
}

/** The folder in which Tenon itself lies; relative paths in settings are relative to the working directory instead. */
export const projectDir = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * Reads the settings from environment variables. An empty variable counts as absent.
 *
 * @throws SettingsError that lists every problem.
 */
export function parseSettings(environment: Record<string, string | undefined>): Settings {
  const problems: string[] = []
  const parsed = parseRows(environment, problems)
  problems.push(...problemsBetween(parsed))
  if (problems.length > 0) throw new SettingsError(problems)
  return toSettings(parsed)
}

function parseRows(environment: Record<string, string | undefined>, problems: string[]): Parsed {
  const entries = Object.entries<SettingRow>(rows).map(([name, row]) => {
    const text = environment[name]?.trim() || row.default
    if (text === undefined) return [name, undefined]
    const result = row.schema.safeParse(text)
    if (!result.success)
      problems.push(`${name} ${[...new Set(result.error.issues.map((issue) => issue.message))].join('; ')}`)
    return [name, result.data]
  })
  return Object.fromEntries(entries) as Parsed
}

function problemsBetween(parsed: Parsed): string[] {
  const production = parsed.NODE_ENV === 'production'
  const checks: [boolean, string][] = [
    [production && !parsed.TENON_SECRET_KEY, 'TENON_SECRET_KEY is required in production (openssl rand -base64 48)'],
    [production && !parsed.JWT_SECRET, 'JWT_SECRET is required in production (openssl rand -base64 48)'],
    [production && parsed.SAMPLE_SERVICES === true, 'SAMPLE_SERVICES is refused in production'],
    [production && parsed.EGRESS_HOST_MAP !== undefined, 'EGRESS_HOST_MAP is refused in production'],
    [
      Boolean(parsed.SLACK_CLIENT_ID) !== Boolean(parsed.SLACK_CLIENT_SECRET),
      'SLACK_CLIENT_ID and SLACK_CLIENT_SECRET are needed together',
    ],
    [
      Boolean(parsed.SLACK_CLIENT_ID && parsed.PLUGIN_CONNECTIONS?.['slack']),
      'SLACK_CLIENT_ID is short for an entry slack of PLUGIN_CONNECTIONS, which has one already. Keep one of the two.',
    ],
    [
      Boolean(parsed.PUBLIC_URL && parsed.FRONTEND_URL) && parsed.PUBLIC_URL !== parsed.FRONTEND_URL,
      'PUBLIC_URL and FRONTEND_URL name the same thing and must not differ',
    ],
  ]
  return checks.filter(([wrong]) => wrong).map(([, problem]) => problem)
}

function toSettings(parsed: Parsed): Settings {
  const production = parsed.NODE_ENV === 'production'
  return {
    port: parsed.PORT,
    host: parsed.HOST,
    databaseUrl: parsed.DATABASE_URL,
    dataDir: parsed.TENON_DATA_DIR ? resolve(parsed.TENON_DATA_DIR) : join(projectDir, '.tenon'),
    secretKeys: parsed.TENON_SECRET_KEY,
    jwtSecret: parsed.JWT_SECRET,
    marketplaceLocation: parsed.PLUGIN_MARKETPLACE_URL && absoluteLocation(parsed.PLUGIN_MARKETPLACE_URL),
    publicUrl: parsed.PUBLIC_URL ?? parsed.FRONTEND_URL,
    connections: { slack: slackOf(parsed), ...parsed.PLUGIN_CONNECTIONS },
    sandboxMinTier: parsed.SANDBOX_MIN_TIER,
    sandboxMaxTier: parsed.SANDBOX_MAX_TIER,
    installLimitPerHour: parsed.INSTALL_LIMIT_PER_HOUR,
    trustProxy: parsed.TRUST_PROXY,
    egress: {
      allowPrivate: parsed.EGRESS_ALLOW_PRIVATE ?? [],
      hostMap: parsed.EGRESS_HOST_MAP ?? new Map(),
      extraCaFile: parsed.TENON_EXTRA_CA,
    },
    compatNetwork: parsed.TENON_COMPAT_NETWORK,
    allowUnreviewed: parsed.TENON_ALLOW_UNREVIEWED ?? !production,
    operatorEmails: parsed.OPERATOR_EMAILS ?? [],
    registration: parsed.REGISTRATION ?? (production ? 'invite' : 'open'),
    logLevel: parsed.LOG_LEVEL,
    production,
    sampleServices: parsed.SAMPLE_SERVICES ?? !production,
  }
}

/** The short form of one connection. Without a client id its plugin is shown, and says that it is not set up. */
function slackOf(parsed: Parsed): ConnectionGrant {
  return {
    clientId: parsed.SLACK_CLIENT_ID ?? '',
    clientSecret: parsed.SLACK_CLIENT_SECRET ?? '',
    tokenUrl: parsed.SLACK_API_URL,
    authorizeUrl: parsed.SLACK_AUTHORIZE_URL,
    revokeUrl: parsed.SLACK_REVOKE_URL,
    // Slack's own documents have commas between scopes.
    scopeSeparator: ',',
    audience: ['slack.com', 'hooks.slack.com'],
  }
}

function absoluteLocation(location: string): string {
  return isAbsolute(location) || location.includes('://') ? location : resolve(location)
}
