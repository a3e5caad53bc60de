import { createHash } from 'node:crypto'

/** A workspace to begin with. */
export interface WorkspaceOptions {
  readonly name: string
  readonly channels: readonly (
    string | { readonly name: string; readonly private?: boolean; readonly archived?: boolean }
  )[]
}

/** A workspace as it is now. A test may archive or remove a channel; the next request sees it. */
export interface Workspace {
  /** `T…` */
  readonly id: string
  readonly name: string
  /** Part of the workspace's own address, `<domain>.slack.com`. */
  readonly domain: string
  /** The person who presses Allow, `U…`; member of every channel. */
  readonly userId: string
  channels: Channel[]
}

export interface Channel {
  /** `C…`, or `G…` when private. */
  readonly id: string
  /** Without the number sign. */
  readonly name: string
  readonly isPrivate: boolean
  isArchived: boolean
  /** Users and bots. */
  readonly members: Set<string>
}

export const standardWorkspaces: readonly WorkspaceOptions[] = [
  {
    name: 'Example Company',
    channels: ['general', 'ai-governance', 'risk-alerts', { name: 'leadership', private: true }],
  },
  { name: 'Example Labs', channels: ['general', 'research'] },
]

/** The same names give the same ids. */
export function createWorkspace({ name, channels }: WorkspaceOptions): Workspace {
  const userId = slackId('U', name)
  return {
    id: slackId('T', name),
    name,
    domain: name.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
    userId,
    channels: channels.map((given) => {
      const channel = typeof given === 'string' ? { name: given } : given
      const isPrivate = channel.private ?? false
      return {
        id: slackId(isPrivate ? 'G' : 'C', `${name}/${channel.name}`),
        name: channel.name,
        isPrivate,
        isArchived: channel.archived ?? false,
        members: new Set([userId]),
      }
    }),
  }
}

/** An id in Slack's form: a letter for the kind, then ten capital letters and digits. */
export function slackId(kind: string, seed: string): string {
  const digest = createHash('sha256').update(`${kind}/${seed}`).digest()
  return `${kind}0${[...digest.subarray(0, 9)].map((byte) => (byte % 36).toString(36).toUpperCase()).join('')}`
}

/** Finds a channel by its id, or by its name with or without the number sign. */
export function findChannel(workspace: Workspace, wanted: string): Channel | undefined {
  const name = wanted.replace(/^#/, '')
  return workspace.channels.find((channel) => channel.id === wanted || channel.name === name)
}
