import { Anchor } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { type Run, sentenceOfOutcome, useRunOutcomes } from '@tenon/react'
import { useNavigate } from 'react-router'
import { runAddress } from './runAddress.js'

const failureShownMs = 12_000

/** Tells how a run ended that this person began or looked at, when that is not on the page already. */
export function RunToasts() {
  const cache = useQueryClient()
  const navigate = useNavigate()
  useRunOutcomes((run, { isShown }) => {
    // What a plugin did may be in any register of the application.
    void cache.invalidateQueries({ predicate: ({ queryKey: [of] }) => of !== 'tenon' && of !== 'session' })
    if (isShown) return
    const isGood = run.state === 'succeeded'
    notifications.show({
      // The same end is never told twice.
      id: run.id,
      title: run.title,
      message: <Told run={run} onOpen={() => void navigate(runAddress(run))} />,
      className: isGood ? 'app-toast-good' : run.state === 'failed' ? 'app-toast-bad' : undefined,
      ...(run.state === 'failed' ? { autoClose: failureShownMs, role: 'alert' } : {}),
    })
  })
  return null
}

function Told({ run, onOpen }: { run: Run; onOpen: () => void }) {
  return (
    <>
      {sentenceOfOutcome(run)}{' '}
      <Anchor
        href={runAddress(run)}
        inherit
        underline="always"
        onClick={(event) => {
          event.preventDefault()
          notifications.hide(run.id)
          onOpen()
        }}
      >
        Show the run
      </Anchor>
    </>
  )
}
