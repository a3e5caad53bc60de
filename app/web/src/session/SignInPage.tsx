import { Alert } from '@mantine/core'
import { Clock } from 'lucide-react'
import { useTitle } from '../ui/useTitle.js'
import { Entrance } from './Entrance.js'
import { useInstallation } from './installation.js'
import { useSignIn } from './session.js'
import { SignInForm } from './SignInForm.js'

/** `ended` says that the person was signed in on this page until just now. */
export function SignInPage({ ended }: { ended: boolean }) {
  useTitle('Sign in')
  const signIn = useSignIn()
  const installation = useInstallation()
  const invited = installation.data?.registration === 'invite'
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
      <SignInForm signIn={signIn} />
    </Entrance>
  )
}
