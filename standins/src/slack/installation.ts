import type { Channel, Workspace } from './workspace.js'

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
