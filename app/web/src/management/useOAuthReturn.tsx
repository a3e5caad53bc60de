import { Alert, Loader } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { connectOAuthWorkspace, ErrorNote, type Plugin, refreshPlugins } from '@tenon/react'
import { type ReactNode, useEffect, useRef } from 'react'
import { useSearchParams } from 'react-router'
import { showOutcome } from '../ui/showOutcome.js'

/**
 * Finishes what was begun at another service: it sends people back here with a code, which is used once and then taken
 * out of the address. Answers what is to be shown meanwhile.
 */
export function useOAuthReturn(plugin: Plugin): ReactNode {
  const [parameters, setParameters] = useSearchParams()
  const client = useQueryClient()
  const used = useRef<string>(undefined)
  const connect = useMutation({
    mutationFn: (answer: { code: string; state: string }) =>
      connectOAuthWorkspace({ pluginKey: plugin.key, ...answer }),
    onSuccess: async () => {
      showOutcome({ title: plugin.displayName, success: true, message: 'Connected successfully' })
      await refreshPlugins(client)
    },
  })
  const code = parameters.get('code')
  const state = parameters.get('state')
  const refusal = parameters.get('error')
  const { mutate } = connect
  useEffect(() => {
    if (code === null || state === null || used.current === state) return
    used.current = state
    setParameters({ section: 'connections' }, { replace: true })
    mutate({ code, state })
  }, [code, state, mutate, setParameters])

  if (refusal !== null) {
    return (
      <ErrorNote
        title="It was not connected"
        error={
          new Error(refusal === 'access_denied' ? 'You did not agree at the service.' : `The service says: ${refusal}`)
        }
      />
    )
  }
  if (connect.isPending) {
    return (
      <Alert className="tn-note" icon={<Loader size={16} />} role="status" mb="md">
        Connecting…
      </Alert>
    )
  }
  return connect.error ? <ErrorNote error={connect.error} title="It was not connected" /> : null
}
