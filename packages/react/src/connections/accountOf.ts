import type { ConnectionContribution } from '@tenon/contract'
import { wordsOf } from '../api/wordsOf.js'
import type { Workspace } from '../plugins/types.js'
import { textOf } from '../views/Value.js'

/** What a connected account is called. */
export function accountOf(workspace: Workspace, connection: ConnectionContribution): string {
  return givenNameOf(workspace, connection) ?? connection.title ?? wordsOf(connection.provider)
}

/** The detail that the manifest takes the name of the account from. */
export function givenNameOf(workspace: Workspace, { response }: ConnectionContribution): string | undefined {
  const pointer = response?.account?.name
  const key = Object.entries(response?.details ?? {}).find(([, candidate]) => candidate === pointer)?.[0]
  return (key && textOf(workspace[key])) || undefined
}
