import type { OperatorCeiling } from '@tenon/contract'
import type { Request, Router } from 'express'
import type { Logger } from 'pino'
import type { ZodOpenApiPathsObject } from 'zod-openapi'
import type { ArtifactLimits, NpmOptions } from './artifacts/index.js'
import type { RefreshReport } from './catalog/index.js'
import type { AddressExemption, Dial, HostMap, Lookup } from './egress/index.js'
import type { CatalogLimits } from './catalog/index.js'
import type { EventLimits } from './events/event-limits.js'
import type { HostDatabaseOptions } from './host-database.js'
import type { ApplicationMigrations } from './host-migrations.js'
import type { RequestLimits } from './http/request-limits.js'
import type { Identity } from './identity.js'
import type { PluginService } from './installations/plugin-service.js'
import type { JobLimits } from './jobs/job-limits.js'
import type { Migrator } from './migrations/index.js'
import type { RecordLimits } from './records/index.js'
import type { RuntimeLimits } from './runtime/index.js'
import type { GrantableTables, TenancyLimits } from './tenancy/index.js'
import type { UploadLimits } from './uploads/index.js'

/** @since 0.1.0 */
export interface PluginHostOptions {
  database: HostDatabaseOptions
  marketplace: {
    /** An http(s) URL of a `plugins.json`, or a local path of one or of its folder. */
    location: string
    /** Milliseconds between two looks at it. Default: five minutes. */
    refreshIntervalMs?: number
  }
  /** The operator's keys: the first seals, all of them open. */
  secretKeys: readonly string[]
  /** Where people reach the web client; OAuth services send them back to it. Needed with `grantable.connections`. */
  publicUrl?: string
  /**
   * Who a request comes from, or undefined when nobody is signed in. This is the only thing that the host believes of a
   * request.
   * @throws TenonError NOT_AUTHENTICATED, SESSION_EXPIRED
   */
  authenticate: (request: Request) => Promise<Identity | undefined> | Identity | undefined
  /**
   * The most that any plugin may ask for; see {@link GrantableTables} for its tables. When absent: tables of its own,
   * public hosts and hosts of its configuration, events, a schedule, and nothing of the application's.
   */
  grantable?: Omit<OperatorCeiling, 'tables'> & { tables?: GrantableTables }
  egress?: {
    /** Private networks that plugins may reach when an admin configured an address in them. */
    allowPrivate?: readonly AddressExemption[]
    /** Where names are really found; for demonstrations and tests. */
    hostMap?: HostMap
    /** PEM of certificate authorities that are trusted besides the usual ones. */
    extraCa?: readonly string[]
    /** Plugins that declare nothing may reach any public host. */
    undeclaredMayReachAnyHost?: boolean
    /** What resolves names and opens connections, for tests that must not leave the machine. Default: the system's. */
    network?: { lookup: Lookup; dial: Dial }
  }
  /** What the application's own tables need; runs after the host's. */
  migrations?: ApplicationMigrations
  /** Installs that one address may start in an hour. Default: 20. */
  installLimitPerHour?: number
  /** Least tier of the sandbox below which no plugin runs. Default: 1. */
  minTier?: 1 | 2 | 3
  /** Strongest tier of the sandbox that is taken. Default: the strongest that holds on this machine. */
  maxTier?: 1 | 2 | 3
  /** A folder for the cache of code and for builds, outside of any project. Default: one below the temporary folder. */
  dataDir?: string
  npm?: NpmOptions
  limits?: {
    runtime?: Partial<RuntimeLimits>
    artifacts?: Partial<ArtifactLimits>
    marketplace?: Partial<CatalogLimits>
    tenancy?: Partial<TenancyLimits>
    records?: Partial<RecordLimits>
    jobs?: Partial<JobLimits>
    events?: Partial<EventLimits>
    uploads?: Partial<UploadLimits>
    requests?: Partial<RequestLimits>
    /** After how many milliseconds without a sign of life another replica takes over what a server was doing. */
    claimMs?: number
  }
  /** Default: silence. */
  log?: Logger
}

/** What `/api/health` shows of the host. */
export interface PluginHostHealth {
  /** `unknown` until the host has started. */
  tier: string
  /** Stronger tiers of the sandbox that plugins do not run under here, and why. */
  tiersNotTaken: { tier: string; reason: string }[]
  /** Whether a superuser had prepared the database when the host started (`hardenDatabase`). */
  databaseHardened: boolean
  marketplace: {
    location: string
    fetchedAt: string | null
    stale: boolean
    entries: number
    error?: { code: string; message: string }
  }
  processes: number
}

/** @since 0.1.0 */
export interface PluginHost {
  /** To be mounted at `/api/plugins`. */
  router: Router
  service: PluginService
  migrator: Migrator
  openapi(): { paths: ZodOpenApiPathsObject }
  /** Makes the schema of an organization with everything in it. May be repeated. */
  createTenant(organizationId: number): Promise<void>
  /** Removes everything of an organization, plugins included. May be repeated. */
  removeTenant(organizationId: number): Promise<void>
  health(): Promise<PluginHostHealth>
  /** Looks at the marketplace now instead of at the next interval. Keeps the last good copy when that fails. */
  refreshMarketplace(): Promise<RefreshReport>
  /** Begins the background work: catalog, events, recovery of what a dead server left. */
  start(): Promise<void>
  /** Finishes what is under way, up to ten seconds, and stops every plugin. */
  stop(): Promise<void>
}
