import { randomBytes } from 'node:crypto'
import { slackId, type Channel, type Workspace } from './workspace.js'

/** What somebody allowed on the consent page. */
export interface Grant {
  readonly workspace: Workspace
  /** Where the incoming webhook will post; absent when that scope was not asked for. */
  readonly channel?: Channel
  readonly scopes: readonly string[]
  readonly userScopes: readonly string[]
  readonly redirectUri?: string
}

/** The app in one workspace. */
export interface Installation extends Grant {
  readonly botUserId: string
  readonly botToken: string
  /** Only when user scopes were granted. */
  readonly userToken?: string
  readonly webhook?: Webhook
}

export interface Webhook {
  /** `B…` */
  readonly id: string
  readonly secret: string
  readonly channelId: string
}

/** Who presents a token. */
export interface Bearer {
  readonly installation: Installation
  readonly userId: string
  readonly scopes: readonly string[]
}

export interface Installations {
  /** Makes a code for a grant: good once, for `codeLifetimeMs`. */
  issueCode(grant: Grant): string
  /** Turns a code into an installation, or says in Slack's word why not. */
  redeem(code: string, redirectUri: string | undefined): Installation | RedeemError
  /** Who a token belongs to; `token_revoked` or `invalid_auth` when nobody. */
  bearerOf(token: string): Bearer | 'token_revoked' | 'invalid_auth'
  revoke(token: string): void
  /** Ends all tokens and webhooks of the installation that a token belongs to. */
  uninstall(installation: Installation): void
  /** The same for all of them, as when people remove the app from their workspaces. */
  uninstallAll(): void
  webhookAt(teamId: string, webhookId: string): { installation: Installation; webhook: Webhook } | undefined
}

export type RedeemError = 'invalid_code' | 'code_already_used' | 'bad_redirect_uri'

/** Codes, tokens and webhooks: all that Slack remembers of an app. */
export function createInstallations(codeLifetimeMs: number): Installations {
  const codes = new Map<string, { grant: Grant; expiresAt: number; used: boolean }>()
  const bearers = new Map<string, Bearer>()
  const revoked = new Set<string>()
  const uninstalled = new Set<Installation>()
  const installed: Installation[] = []

  const install = (grant: Grant): Installation => {
    const botUserId = slackId('U', `bot of ${grant.workspace.id}`)
    const installation: Installation = {
      ...grant,
      botUserId,
      botToken: newToken('xoxb'),
      ...(grant.userScopes.length > 0 && { userToken: newToken('xoxp') }),
      ...(grant.channel && {
        webhook: { id: slackId('B', randomBytes(9).toString('hex')), secret: newSecret(), channelId: grant.channel.id },
      }),
    }
    installed.push(installation)
    bearers.set(installation.botToken, { installation, userId: botUserId, scopes: grant.scopes })
    if (installation.userToken) {
      bearers.set(installation.userToken, { installation, userId: grant.workspace.userId, scopes: grant.userScopes })
    }
    return installation
  }

  return {
    issueCode(grant) {
      const code = `${randomDigits()}.${randomDigits()}.${randomBytes(32).toString('hex')}`
      codes.set(code, { grant, expiresAt: Date.now() + codeLifetimeMs, used: false })
      return code
    },

    redeem(code, redirectUri) {
      const entry = codes.get(code)
      if (!entry || Date.now() > entry.expiresAt) return 'invalid_code'
      if (entry.used) return 'code_already_used'
      if (entry.grant.redirectUri !== redirectUri) return 'bad_redirect_uri'
      entry.used = true
      return install(entry.grant)
    },

    bearerOf(token) {
      const bearer = bearers.get(token)
      if (!bearer) return 'invalid_auth'
      return revoked.has(token) || uninstalled.has(bearer.installation) ? 'token_revoked' : bearer
    },

    revoke(token) {
      revoked.add(token)
    },

    uninstall(installation) {
      uninstalled.add(installation)
    },

    uninstallAll() {
      installed.forEach((installation) => uninstalled.add(installation))
    },

    webhookAt(teamId, webhookId) {
      const installation = installed.find((one) => one.workspace.id === teamId && one.webhook?.id === webhookId)
      if (!installation?.webhook || uninstalled.has(installation)) return undefined
      return { installation, webhook: installation.webhook }
    },
  }
}

function newToken(kind: 'xoxb' | 'xoxp'): string {
  return `${kind}-${randomDigits()}-${randomDigits()}-${newSecret()}`
}

/** 24 letters and digits, as the last part of a webhook's address. */
function newSecret(): string {
  return [...randomBytes(24)]
    .map((byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'[byte % 62])
    .join('')
}

function randomDigits(): string {
  return String(randomBytes(6).readUIntBE(0, 6)).padStart(12, '1').slice(0, 12)
}
