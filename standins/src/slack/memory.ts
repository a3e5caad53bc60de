import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Bearer, Installation } from './installation.js'
import type { Workspace } from './workspace.js'

/** What Slack remembers of an app, but for codes, which are good for minutes. */
export interface Memory {
  readonly installed: Installation[]
  readonly uninstalled: Set<Installation>
  readonly bearers: Map<string, Bearer & { expiresAt: number }>
  readonly refreshable: Map<string, Installation>
  readonly revoked: Set<string>
}

/** As it stands in a file: an installation is a place in the list, a workspace and a channel are ids. */
interface Written {
  installed: (Omit<Installation, 'workspace' | 'channel'> & { workspaceId: string; channelId?: string })[]
  uninstalled: number[]
  /** `expiresAt` is null for those that never end. */
  bearers: [token: string, Omit<Bearer, 'installation'> & { installation: number; expiresAt: number | null }][]
  refreshable: [token: string, installation: number][]
  revoked: string[]
}

/** What the file has, where there is one; workspaces that are no longer there are left out. */
export function readMemory(file: string | undefined, workspaces: readonly Workspace[]): Memory {
  const written = file === undefined ? undefined : writtenIn(file)
  const all = (written?.installed ?? []).map((one) => revive(one, workspaces))
  const at = (place: number) => all[place]
  return {
    installed: all.filter((one) => one !== undefined),
    uninstalled: new Set((written?.uninstalled ?? []).map(at).filter((one) => one !== undefined)),
    bearers: new Map(
      (written?.bearers ?? []).flatMap(([token, { installation: place, expiresAt, ...bearer }]) => {
        const installation = at(place)
        return installation ? [[token, { ...bearer, installation, expiresAt: expiresAt ?? Infinity }]] : []
      }),
    ),
    refreshable: new Map(
      (written?.refreshable ?? []).flatMap(([token, place]) => {
        const installation = at(place)
        return installation ? [[token, installation]] : []
      }),
    ),
    revoked: new Set(written?.revoked),
  }
}

/** Replaces the file in one step, so that a server that is stopped leaves a whole one. */
export function writeMemory(file: string, { installed, uninstalled, bearers, refreshable, revoked }: Memory): void {
  const placeOf = (installation: Installation) => installed.indexOf(installation)
  const written: Written = {
    installed: installed.map(({ workspace, channel, ...rest }) => ({
      ...rest,
      workspaceId: workspace.id,
      ...(channel && { channelId: channel.id }),
    })),
    uninstalled: [...uninstalled].map(placeOf),
    bearers: [...bearers].map(([token, { installation, expiresAt, ...bearer }]) => [
      token,
      { ...bearer, installation: placeOf(installation), expiresAt: expiresAt === Infinity ? null : expiresAt },
    ]),
    refreshable: [...refreshable].map(([token, installation]) => [token, placeOf(installation)]),
    revoked: [...revoked],
  }
  writeFileSync(`${file}.new`, JSON.stringify(written), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

function revive(
  { workspaceId, channelId, ...rest }: Written['installed'][number],
  workspaces: readonly Workspace[],
): Installation | undefined {
  const workspace = workspaces.find(({ id }) => id === workspaceId)
  const channel = workspace?.channels.find(({ id }) => id === channelId)
  return workspace && { ...rest, workspace, ...(channel && { channel }) }
}

function writtenIn(file: string): Written | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Written
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${file} cannot be read. Delete it, and connect the workspaces again.`, { cause: error })
  }
}
