import { Alert, Button, PasswordInput, TextInput } from '@mantine/core'
import { ErrorNote } from '@tenon/react'
import { Clock } from 'lucide-react'
import type { FormEvent } from 'react'
import { useTitle } from '../ui/useTitle.js'
import { Entrance } from './Entrance.js'
import classes from './Entrance.module.css'
import { useInstallation } from './installation.js'
import { useSignIn } from './session.js'

/** `ended` says that the person was signed in on this page until just now. */
export function SignInPage({ ended }: { ended: boolean }) {
  useTitle('Sign in')
  const signIn = useSignIn()
  const installation = useInstallation()
  const invited = installation.data?.registration === 'invite'
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    signIn.mutate({ email: textOf(form, 'email'), password: textOf(form, 'password') })
  }
  return (
    <Entrance
      title="Sign in"
      text="Plugins for your organization, each within its own walls."
      other={
        invited
          ? {
              question: 'No account yet? Ask an admin of your organization.',
              label: 'Operators register here',
              to: '/register',
            }
          : { question: 'New here?', label: 'Register your organization', to: '/register' }
      }
    >
      {ended && !signIn.isError && (
        <Alert className="tn-note" data-tone="warn" icon={<Clock size={18} />} role="status">
          Your session has ended. Sign in again to go on where you were.
        </Alert>
      )}
      {signIn.isError && <ErrorNote error={signIn.error} />}
      <form className={classes.form} onSubmit={submit}>
        <TextInput
          name="email"
          type="email"
          label="Email"
          autoComplete="username"
          required
          withAsterisk={false}
          autoFocus
        />
        <PasswordInput
          name="password"
          label="Password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        <Button type="submit" size="md" loading={signIn.isPending}>
          Sign in
        </Button>
      </form>
    </Entrance>
  )
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}
