import { Alert, Anchor } from '@mantine/core'
import { countOf } from '@tenon/contract/count-of'
import { type PluginRequest, usePluginRequests } from '@tenon/react'
import { MessageCircleQuestion } from 'lucide-react'
import { Link } from 'react-router'
import { useMay } from '../session/session.js'

/** For admins: that somebody waits for a plugin, and the way there. */
export function RequestsNote() {
  const isAdmin = useMay('Admin')
  const { data } = usePluginRequests({ state: 'open' }, { isWanted: isAdmin })
  if (!isAdmin || !data || data.items.length === 0) return null
  return (
    <Alert className="tn-note" icon={<MessageCircleQuestion size={18} />} mb="md">
      <strong>{sentenceOf(data.items)}.</strong>{' '}
      <Anchor component={Link} to="/plugins/requests" inherit underline="always">
        {data.items.length === 1 ? 'Look at the request' : 'Look at the requests'}
      </Anchor>
    </Alert>
  )
}

function sentenceOf(requests: readonly PluginRequest[]): string {
  const people = new Set(requests.map(({ requestedBy }) => requestedBy)).size
  const plugins = new Set(requests.map(({ pluginKey }) => pluginKey)).size
  return `${countOf(people, 'person', 'people')} asked for ${plugins === 1 ? 'a plugin' : countOf(plugins, 'plugin')}`
}
