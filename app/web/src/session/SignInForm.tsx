import { Button, PasswordInput, TextInput } from '@mantine/core'
import { ErrorNote } from '@tenon/react'
import type { FormEvent } from 'react'
import classes from './Entrance.module.css'
import type { useSignIn } from './session.js'

interface SignInFormProps {
  signIn: ReturnType<typeof useSignIn>
  /** Whoever is likely to sign in. */
  email?: string
}

/** Email and password, and why they were refused. */
export function SignInForm({ signIn, email }: SignInFormProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    signIn.mutate({ email: textOf(form, 'email'), password: textOf(form, 'password') })
  }
  return (
    <>
      {signIn.isError && <ErrorNote error={signIn.error} />}
      <form className={classes.form} onSubmit={submit}>
        <TextInput
          name="email"
          type="email"
          label="Email"
          autoComplete="username"
          required
          withAsterisk={false}
          defaultValue={email}
          data-autofocus={email === undefined || undefined}
          autoFocus={email === undefined}
        />
        <PasswordInput
          name="password"
          label="Password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          data-autofocus={email !== undefined || undefined}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        <Button type="submit" size="md" loading={signIn.isPending}>
          Sign in
        </Button>
      </form>
    </>
  )
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}
