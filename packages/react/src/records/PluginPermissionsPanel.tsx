import { Alert, Button, Group } from '@mantine/core'
import { ShieldAlert } from 'lucide-react'
import { useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { momentOf } from '../api/momentOf.js'
import { PermissionList } from '../installation/PermissionList.js'
import type { PluginInstallation } from '../plugins/types.js'
import { keyOf } from '../plugins/usePlugins.js'
import { isMissing, type UsedPermission, useGrantPermissions, usePluginPermissions } from './records.js'

export interface PluginPermissionsPanelProps {
  installation: PluginInstallation
  readOnly?: boolean | undefined
}

/**
 * What an installed plugin may do, when it last did it, what it tried beyond that; an admin can take parts back.
 *
 * @example <PluginPermissionsPanel installation={installation} />
 * @since 0.1.0
 */
export function PluginPermissionsPanel({ installation, readOnly = false }: PluginPermissionsPanelProps) {
  const subject = { pluginKey: keyOf(installation), installationId: installation.id }
  const permissions = usePluginPermissions(subject)
  const grant = useGrantPermissions(subject)
  const [chosen, setChosen] = useState<ReadonlySet<string>>()
  if (isMissing(permissions.error)) return null
  if (permissions.error && !permissions.data)
    return (
      <ErrorNote
        error={permissions.error}
        title="The permissions cannot be shown"
        onRetry={() => void permissions.refetch()}
      />
    )
  if (!permissions.data) return <Loading height={120} />
  const { declared, permissions: all, refused } = permissions.data
  const granted = new Set(all.filter((permission) => permission.granted).map(({ id }) => id))
  const canChange = declared && !readOnly
  const current = chosen ?? granted
  const changed = current.size !== granted.size || [...current].some((id) => !granted.has(id))
  return (
    <>
      <PermissionList
        permissions={all}
        noteOf={noteOf}
        {...(canChange ? { chosen: current, onChoose: setChosen } : {})}
      />
      {refused.length > 0 && (
        <Alert
          className="tn-note"
          data-tone="warn"
          icon={<ShieldAlert size={18} />}
          title="It tried more than it asked for"
        >
          {refused.map(({ permission, refusals }) => (
            <p key={permission}>
              {permission}: refused {refusals === 1 ? 'once' : `${refusals} times`}
            </p>
          ))}
        </Alert>
      )}
      {grant.error && <ErrorNote error={grant.error} title="It was not changed" />}
      {changed && (
        <Group gap="sm" mt="md">
          <Button
            loading={grant.isPending}
            onClick={() => grant.mutate([...current], { onSuccess: () => setChosen(undefined) })}
          >
            Save permissions
          </Button>
          <Button variant="default" onClick={() => setChosen(undefined)}>
            Cancel
          </Button>
        </Group>
      )}
    </>
  )
}

function noteOf({ uses, lastUsedAt, refusals }: UsedPermission): string {
  const used =
    lastUsedAt === null || uses === 0
      ? 'Not used yet'
      : `Used ${uses === 1 ? 'once' : `${uses.toLocaleString('en')} times`}, last on ${momentOf(lastUsedAt)}`
  return refusals > 0 ? `${used}; refused ${refusals === 1 ? 'once' : `${refusals} times`}` : used
}
