import { notifications } from '@mantine/notifications'
import type { ActionOutcome } from '@tenon/react'

const failureShownMs = 12_000

/** Says in the corner of the page how something went. What failed stays longer. */
export function showOutcome({ title, message, success }: ActionOutcome): void {
  notifications.show({
    title,
    message,
    className: success ? 'app-toast-good' : 'app-toast-bad',
    ...(success ? {} : { autoClose: failureShownMs, role: 'alert' }),
  })
}
