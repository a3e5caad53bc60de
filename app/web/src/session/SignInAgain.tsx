import { Modal } from '@mantine/core'
import { useAccount, useSignIn } from './session.js'
import { SignInForm } from './SignInForm.js'

/** Above dialogs, which keep what was entered in them. */
const aboveDialogs = 400

/** In front of what the person was at, which goes on behind it as it was. */
export function SignInAgain() {
  const { user } = useAccount()
  const signIn = useSignIn()
  return (
    <Modal.Root opened centered radius="lg" padding="xl" onClose={() => undefined} zIndex={aboveDialogs}>
      <Modal.Overlay blur={6} />
      <Modal.Content>
        <Modal.Body className="tn-dialog">
          <Modal.Title>Your session has ended</Modal.Title>
          <p>Sign in again to go on where you were. What you have entered is still there.</p>
          <SignInForm signIn={signIn} email={user.email} />
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}
