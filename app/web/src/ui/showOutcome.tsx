import { notifications } from '@mantine/notifications'
import { type ActionOutcome, RequestId } from '@tenon/react'

const failureShownMs = 12_000

/** Says in the corner of the page how something went. What failed stays longer, and says which request it was. */
export function showOutcome({ title, message, success, error }: ActionOutcome): void {
  notifications.show({
    title,
    message: (
      <>
        {message}
        <RequestId error={error} />
      </>
    ),
    className: success ? 'app-toast-good' : 'app-toast-bad',
    ...(success ? {} : { autoClose: failureShownMs, role: 'alert' }),
  })
}

/** Says in the corner of the page that something could not be done. */
export function showFailure(title: string, error: Error): void {
  showOutcome({ title, message: error.message, success: false, error })
}
