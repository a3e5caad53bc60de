import { Button, PasswordInput, TextInput } from '@mantine/core'
import { ErrorNote } from '@tenon/react'
import type { FormEvent } from 'react'
import { useFieldProblems } from '../ui/useFieldProblems.js'
import { useTitle } from '../ui/useTitle.js'
import { Entrance } from './Entrance.js'
import classes from './Entrance.module.css'
import { type Registration, useRegister } from './session.js'

const fields = ['organizationName', 'name', 'surname', 'email', 'password'] as const

export function RegisterPage() {
  useTitle('Register')
  const register = useRegister()
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    register.mutate(Object.fromEntries(fields.map((name) => [name, form.get(name)])) as unknown as Registration)
  }
  const { form: frame, problemOf, areShown } = useFieldProblems(register.error, fields)
  return (
    <Entrance
      title="Register your organization"
      text="You become its first admin. Others are added later."
      other={{ question: 'Already registered?', label: 'Sign in', to: '/' }}
    >
      {register.isError && !areShown && <ErrorNote error={register.error} />}
      <form className={classes.form} onSubmit={submit} ref={frame}>
        <TextInput
          name="organizationName"
          label="Organization"
          autoComplete="organization"
          required
          withAsterisk={false}
          autoFocus
          error={problemOf('organizationName')}
        />
        <div className={classes.pair}>
          <TextInput
            name="name"
            label="First name"
            autoComplete="given-name"
            required
            withAsterisk={false}
            error={problemOf('name')}
          />
          <TextInput
            name="surname"
            label="Last name"
            autoComplete="family-name"
            required
            withAsterisk={false}
            error={problemOf('surname')}
          />
        </div>
        <TextInput
          name="email"
          type="email"
          label="Work email"
          autoComplete="username"
          required
          withAsterisk={false}
          error={problemOf('email')}
        />
        <PasswordInput
          name="password"
          label="Password"
          description="At least 8 characters"
          minLength={8}
          autoComplete="new-password"
          required
          withAsterisk={false}
          error={problemOf('password')}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        <Button type="submit" size="md" loading={register.isPending}>
          Create the organization
        </Button>
      </form>
    </Entrance>
  )
}
