import { Alert, Button, CopyButton, Group, Stack } from '@mantine/core'
import { KeyRound } from 'lucide-react'
import classes from './webhooks.module.css'

/** The one time that a secret is shown. */
export function Secret({ secret, onDone }: { secret: string; onDone: () => void }) {
  return (
    <Stack gap="md">
      <Alert className="tn-note" data-tone="warn" icon={<KeyRound size={18} />} title="Keep it now" role="status">
        It is shown this once. With it the receiver can tell that what comes is yours, as Standard Webhooks describe.
      </Alert>
      <code className={classes.secret}>{secret}</code>
      <Group justify="flex-end" gap="sm">
        <CopyButton value={secret}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy}>
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
        <Button onClick={onDone}>I have kept it</Button>
      </Group>
    </Stack>
  )
}
