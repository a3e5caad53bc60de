import type { ConnectionContribution } from '@tenon/contract'
import { wordsOf } from '../api/wordsOf.js'
import type { Workspace } from '../plugins/types.js'
import { textOf } from '../views/Value.js'

/** What a connected account is called. */
export function accountOf(workspace: Workspace, connection: ConnectionContribution): string {
  return givenNameOf(workspace, connection) ?? connection.title ?? wordsOf(connection.provider)
}

/** The name that the manifest says where to find. A server older than this client tells it only as one of the details. */
export function givenNameOf(workspace: Workspace, { response }: ConnectionContribution): string | undefined {
  const pointer = response?.account?.name
  if (pointer === undefined) return undefined
  const key = Object.entries(response?.details ?? {}).find(([, candidate]) => candidate === pointer)?.[0]
  return workspace.account_name || (key && textOf(workspace[key])) || undefined
}
