import { Button, Group, Modal, PasswordInput, Select, Stack, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { ErrorNote } from '@tenon/react'
import { Lock, UserPlus } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { type RoleName, useAccount, useMay } from '../session/session.js'
import { EmptyState } from '../ui/EmptyState.js'
import { FailedState } from '../ui/FailedState.js'
import { PageHead } from '../ui/PageHead.js'
import { type Column, RegisterTable } from '../ui/RegisterTable.js'
import { showFailure, showOutcome } from '../ui/showOutcome.js'
import { useFieldProblems } from '../ui/useFieldProblems.js'
import { useRegisterQuery } from '../ui/useRegisterQuery.js'
import classes from '../ui/Table.module.css'
import { ago } from '../ui/time.js'
import { type Member, memberPageSize, type NewMember, useAddMember, useChangeRole, useMembers } from './members.js'

const roles: { value: RoleName; label: string }[] = [
  { value: 'Admin', label: 'Admin' },
  { value: 'Editor', label: 'Editor' },
  { value: 'Reviewer', label: 'Reviewer' },
  { value: 'Auditor', label: 'Auditor' },
]

export function MembersPage() {
  const isAdmin = useMay('Admin')
  const [adding, add] = useDisclosure(false)
  const [query, setQuery] = useRegisterQuery()
  const members = useMembers(query)
  if (!isAdmin) {
    return (
      <EmptyState
        level={1}
        icon={Lock}
        title="Only admins see the members"
        text="Ask an admin of your organization to add somebody, or to change a role."
      />
    )
  }
  return (
    <>
      <PageHead
        title="Members"
        text="Admins install and configure plugins. Editors also sync and import. Reviewers and auditors read."
      >
        <Button leftSection={<UserPlus size={15} />} onClick={add.open}>
          Add a member
        </Button>
      </PageHead>
      {members.error && !members.data ? (
        <FailedState title="The members cannot be shown" error={members.error} onRetry={() => void members.refetch()} />
      ) : (
        <RegisterTable
          label="Members"
          columns={columns}
          rows={members.data?.items ?? []}
          total={members.data?.total ?? 0}
          loading={members.isPending}
          earlier={members.isPlaceholderData}
          query={query}
          pageSize={memberPageSize}
          onQuery={setQuery}
          empty={null}
        />
      )}
      <Modal opened={adding} onClose={add.close} title="Add a member" closeButtonProps={{ 'aria-label': 'Close' }}>
        <AddMember onDone={add.close} />
      </Modal>
    </>
  )
}

const columns: Column<Member>[] = [
  { title: 'Name', cell: (member) => <MemberName member={member} /> },
  { title: 'Email', cell: ({ email }) => <span className={classes.whole}>{email}</span> },
  {
    title: 'Last signed in',
    cell: ({ lastLogin }) => <span className={classes.whole}>{lastLogin ? ago(lastLogin) : 'Not yet'}</span>,
  },
  { title: 'Role', cell: (member) => <MemberRole member={member} /> },
]

function MemberName({ member: { id, name, surname } }: { member: Member }) {
  const { user } = useAccount()
  return (
    <>
      <span className={classes.strong}>
        {name} {surname}
      </span>
      {id === user.id ? <span className={classes.quiet}> (you)</span> : null}
    </>
  )
}

function MemberRole({ member }: { member: Member }) {
  const { user } = useAccount()
  const change = useChangeRole()
  const [asking, ask] = useDisclosure(false)
  const [wanted, setWanted] = useState(member.role)
  const { id, name, surname, role } = member
  const become = (next: RoleName) =>
    change.mutate(
      { id, role: next },
      {
        onSuccess: () => showOutcome({ title: `${name} ${surname}`, message: `Is ${next} now`, success: true }),
        onError: (error) => showFailure(`${name} ${surname} is still ${role}`, error),
        onSettled: ask.close,
      },
    )
  return (
    <>
      <Select
        size="xs"
        w={130}
        aria-label={`Role of ${name} ${surname}`}
        data={roles}
        value={change.isPending ? change.variables.role : role}
        allowDeselect={false}
        // Not disabled meanwhile: it would lose the focus.
        readOnly={change.isPending}
        onChange={(next) => {
          if (next === null || next === role) return
          if (id !== user.id) return become(next as RoleName)
          setWanted(next as RoleName)
          ask.open()
        }}
      />
      {id === user.id && (
        <Modal
          opened={asking}
          onClose={ask.close}
          title="Stop being an admin?"
          closeButtonProps={{ 'aria-label': 'Close' }}
        >
          <div className="tn-dialog">
            <p>You can no longer install plugins or change members then. Only another admin can make you one again.</p>
            <Group justify="flex-end" gap="sm">
              <Button variant="default" onClick={ask.close} data-autofocus>
                Stay an admin
              </Button>
              <Button className="tn-button-danger" loading={change.isPending} onClick={() => become(wanted)}>
                Become {wanted}
              </Button>
            </Group>
          </div>
        </Modal>
      )}
    </>
  )
}

const memberFields = ['name', 'surname', 'email', 'password']

function AddMember({ onDone }: { onDone: () => void }) {
  const add = useAddMember()
  const [role, setRole] = useState<RoleName>('Editor')
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = Object.fromEntries(new FormData(event.currentTarget)) as unknown as Omit<NewMember, 'role'>
    add.mutate(
      { name: form.name, surname: form.surname, email: form.email, password: form.password, role },
      {
        onSuccess: () => {
          notifications.show({ message: `${form.name} ${form.surname} was added` })
          onDone()
        },
      },
    )
  }
  const { form: frame, problemOf, areShown } = useFieldProblems(add.error, memberFields)
  return (
    <form onSubmit={submit} ref={frame}>
      <Stack gap="md">
        {add.error && !areShown && <ErrorNote error={add.error} />}
        <Group grow align="flex-start">
          <TextInput
            name="name"
            label="First name"
            required
            withAsterisk={false}
            error={problemOf('name')}
            data-autofocus
          />
          <TextInput name="surname" label="Last name" required withAsterisk={false} error={problemOf('surname')} />
        </Group>
        <TextInput name="email" type="email" label="Email" required withAsterisk={false} error={problemOf('email')} />
        <PasswordInput
          name="password"
          label="First password"
          description="At least 8 characters; tell it to them in person"
          minLength={8}
          required
          withAsterisk={false}
          autoComplete="new-password"
          error={problemOf('password')}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        <Select
          label="Role"
          data={roles}
          value={role}
          allowDeselect={false}
          onChange={(next) => setRole((next ?? 'Editor') as RoleName)}
        />
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={add.isPending}>
            Add
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
