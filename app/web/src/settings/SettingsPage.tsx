import { Button, Group, SegmentedControl, TextInput, useMantineColorScheme } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Badge, ErrorNote, Loading, request } from '@tenon/react'
import { useRef, useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { Panel } from '../ui/Panel.js'
import { useHealth } from '../plugins/RegistryNote.js'
import { useAccount, useMay, useSignOut } from '../session/session.js'
import { PageHead } from '../ui/PageHead.js'
import { ago } from '../ui/time.js'
import classes from './SettingsPage.module.css'

export function SettingsPage() {
  const { user } = useAccount()
  const isAdmin = useMay('Admin')
  return (
    <>
      <PageHead title="Settings" text="How Tenon looks to you, and what there is to know about it." />
      <Appearance />
      {user.isOperator && <Protection />}
      <ForPrograms isAdmin={isAdmin} />
      {isAdmin && <RemoveOrganization />}
    </>
  )
}

function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Panel title="Appearance" text="Kept in this browser.">
      <div>
        <SegmentedControl
          aria-label="Colours"
          value={colorScheme}
          onChange={(value) => setColorScheme(value as typeof colorScheme)}
          data={[
            { value: 'auto', label: 'As the system' },
            { value: 'light', label: 'Light' },
            { value: 'dark', label: 'Dark' },
          ]}
        />
      </div>
    </Panel>
  )
}

const tiers: Record<string, string> = {
  T1: 'Node refuses plugins files, processes and sockets. Somebody who breaks Node itself is not held.',
  T2: 'Besides Node, the kernel refuses every call that a plugin has no use for: files, networks, processes.',
  T3: 'Besides Node and a short list of calls, plugins live in namespaces where there is nothing to reach.',
}

const databaseWalls = {
  prepared: 'Every plugin has a role of its own, and the database itself refuses what plugins have no use for.',
  guarded:
    'Every plugin has a role of its own. Functions, settings and locks are refused by the statement guard alone; npm run prepare-database lets the database refuse them, too.',
}

/** For the people who run the installation: how strong the walls are, and how it is. */
function Protection() {
  const { data, error, isPending, refetch } = useHealth()
  return (
    <Panel title="Protection" text="You see this because you run this installation.">
      {error && <ErrorNote error={error} title="The protection cannot be shown" onRetry={() => void refetch()} />}
      {isPending && <Loading height={96} />}
      {data && (
        <dl className={classes.facts}>
          <div>
            <dt>Walls around plugins</dt>
            <dd>
              <Badge tone={data.tier === 'T1' ? 'warn' : 'good'}>{data.tier}</Badge> {tiers[data.tier] ?? ''}
              {data.tiersNotTaken.map(({ tier, reason }) => (
                <span key={tier} className={classes.notTaken}>
                  Not {tier}: {reason}
                </span>
              ))}
            </dd>
          </div>
          <div>
            <dt>Walls in the database</dt>
            <dd>{data.databaseHardened ? databaseWalls.prepared : databaseWalls.guarded}</dd>
          </div>
          <div>
            <dt>Marketplace</dt>
            <dd>
              {data.marketplace.entries.toLocaleString('en')} plugins
              {data.marketplace.fetchedAt ? `, confirmed ${ago(data.marketplace.fetchedAt)}` : ''}
              {data.marketplace.stale ? ' — it cannot be reached at the moment' : ''}
            </dd>
          </div>
          <div>
            <dt>Version</dt>
            <dd>{data.version}</dd>
          </div>
        </dl>
      )}
    </Panel>
  )
}

function ForPrograms({ isAdmin }: { isAdmin: boolean }) {
  return (
    <Panel title="For programs" text="Everything that these pages do, programs can do as well.">
      <Group gap="sm">
        <Button component="a" href="/api/docs/" variant="default">
          Open the documentation of the API
        </Button>
        {isAdmin && (
          <Button component={Link} to="/settings/webhooks" variant="default">
            Webhooks
          </Button>
        )}
      </Group>
    </Panel>
  )
}

function RemoveOrganization() {
  const { organization } = useAccount()
  const signOut = useSignOut()
  const navigate = useNavigate()
  const [asking, setAsking] = useState(false)
  const [name, setName] = useState('')
  const [isWrong, setWrong] = useState(false)
  const nameField = useRef<HTMLInputElement>(null)
  const remove = useMutation({
    async mutationFn() {
      await request('/organization', { method: 'DELETE', body: { name } })
      await navigate('/')
      await signOut.mutateAsync()
    },
  })
  return (
    <Panel
      title="Remove the organization"
      text="Its members, registers, plugins and everything that these have stored are gone for good."
    >
      {remove.error && <ErrorNote error={remove.error} title="It was not removed" />}
      {asking ? (
        <form
          className={classes.confirm}
          onSubmit={(event) => {
            event.preventDefault()
            if (name === organization.name) return remove.mutate()
            setWrong(true)
            nameField.current?.focus()
          }}
        >
          <TextInput
            label={`Type “${organization.name}” to confirm`}
            value={name}
            autoComplete="off"
            ref={nameField}
            error={isWrong ? `Type “${organization.name}” exactly: it cannot be brought back.` : undefined}
            onChange={(event) => {
              setName(event.currentTarget.value)
              setWrong(false)
            }}
          />
          <Group gap="sm">
            <Button variant="default" onClick={() => setAsking(false)}>
              Cancel
            </Button>
            <Button type="submit" className="tn-button-danger" loading={remove.isPending}>
              Remove everything
            </Button>
          </Group>
        </form>
      ) : (
        <div>
          <Button variant="default" className="tn-danger" onClick={() => setAsking(true)}>
            Remove {organization.name}…
          </Button>
        </div>
      )}
    </Panel>
  )
}
