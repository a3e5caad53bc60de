import { randomBytes } from 'node:crypto'
import type { Bearer, Grant, Installation, Webhook } from './installation.js'
import { readMemory, writeMemory } from './memory.js'
import { slackId, type Workspace } from './workspace.js'

/** What an app acts with. */
export interface BotTokens {
  readonly accessToken: string
  /** Only when tokens end. */
  readonly renewal?: { readonly refreshToken: string; readonly expiresInSeconds: number }
}

export interface Installations {
  /** Makes a code for a grant: good once, and not for long. */
  issueCode(grant: Grant): string
  /** Turns a code into an installation, or says in Slack's word why not. */
  redeem(code: string, redirectUri: string | undefined): Installation | RedeemError
  /** Tokens of an installation, beside those that it has. */
  issueTokens(installation: Installation): BotTokens
  /** Whose refresh token this is, which is good no more. */
  takeRefreshToken(token: string): Installation | 'invalid_refresh_token'
  /** Who a token belongs to, or in Slack's word why it is nobody's. */
  bearerOf(token: string): Bearer | 'token_revoked' | 'token_expired' | 'invalid_auth'
  revoke(token: string): void
  /** Ends all tokens and webhooks of the installation that a token belongs to. */
  uninstall(installation: Installation): void
  /** The same for all of them, as when people remove the app from their workspaces. */
  uninstallAll(): void
  webhookAt(teamId: string, webhookId: string): { installation: Installation; webhook: Webhook } | undefined
}

export type RedeemError = 'invalid_code' | 'code_already_used' | 'bad_redirect_uri'

interface InstallationsOptions {
  readonly workspaces: readonly Workspace[]
  readonly codeMs: number
  /** Absent: tokens never end. */
  readonly tokenSeconds?: number | undefined
  /** Where it is remembered from one start to the next. Absent: it is forgotten. */
  readonly memoryFile?: string | undefined
}

/** Codes, tokens and webhooks: all that Slack remembers of an app. */
export function createInstallations(options: InstallationsOptions): Installations {
  const { workspaces, codeMs, tokenSeconds, memoryFile } = options
  const codes = new Map<string, { grant: Grant; expiresAt: number; used: boolean }>()
  const memory = readMemory(memoryFile, workspaces)
  const { bearers, refreshable, revoked, uninstalled, installed } = memory
  const remember = (): void => {
    if (memoryFile !== undefined) writeMemory(memoryFile, memory)
  }

  const install = (grant: Grant): Installation => {
    const botUserId = slackId('U', `bot of ${grant.workspace.id}`)
    const installation: Installation = {
      ...grant,
      botUserId,
      ...(grant.userScopes.length > 0 && { userToken: newToken('xoxp') }),
      ...(grant.channel && {
        webhook: { id: slackId('B', randomBytes(9).toString('hex')), secret: newSecret(), channelId: grant.channel.id },
      }),
    }
    installed.push(installation)
    if (installation.userToken) {
      const { userId } = grant.workspace
      bearers.set(installation.userToken, { installation, userId, scopes: grant.userScopes, expiresAt: Infinity })
    }
    remember()
    return installation
  }

  return {
    issueCode(grant) {
      const code = `${randomDigits()}.${randomDigits()}.${randomBytes(32).toString('hex')}`
      codes.set(code, { grant, expiresAt: Date.now() + codeMs, used: false })
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

    issueTokens(installation) {
      const { botUserId: userId, scopes } = installation
      if (tokenSeconds === undefined) {
        const accessToken = newToken('xoxb')
        bearers.set(accessToken, { installation, userId, scopes, expiresAt: Infinity })
        remember()
        return { accessToken }
      }
      const [accessToken, refreshToken] = [newToken('xoxe.xoxb-1'), newToken('xoxe-1')]
      bearers.set(accessToken, { installation, userId, scopes, expiresAt: Date.now() + tokenSeconds * 1000 })
      refreshable.set(refreshToken, installation)
      remember()
      return { accessToken, renewal: { refreshToken, expiresInSeconds: tokenSeconds } }
    },

    takeRefreshToken(token) {
      const installation = refreshable.get(token)
      refreshable.delete(token)
      remember()
      return installation && !uninstalled.has(installation) ? installation : 'invalid_refresh_token'
    },

    bearerOf(token) {
      const bearer = bearers.get(token)
      if (!bearer) return 'invalid_auth'
      if (revoked.has(token) || uninstalled.has(bearer.installation)) return 'token_revoked'
      return Date.now() >= bearer.expiresAt ? 'token_expired' : bearer
    },

    revoke(token) {
      revoked.add(token)
      remember()
    },

    uninstall(installation) {
      uninstalled.add(installation)
      remember()
    },

    uninstallAll() {
      installed.forEach((installation) => uninstalled.add(installation))
      remember()
    },

    webhookAt(teamId, webhookId) {
      const installation = installed.find((one) => one.workspace.id === teamId && one.webhook?.id === webhookId)
      if (!installation?.webhook || uninstalled.has(installation)) return undefined
      return { installation, webhook: installation.webhook }
    },
  }
}

function newToken(kind: 'xoxb' | 'xoxp' | 'xoxe.xoxb-1' | 'xoxe-1'): string {
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
