import { Button } from '@mantine/core'
import { SearchX } from 'lucide-react'
import { Link } from 'react-router'
import { EmptyState } from '../ui/EmptyState.js'
import { useTitle } from '../ui/useTitle.js'

export function NotFoundPage() {
  useTitle('Not found')
  return (
    <EmptyState
      level={1}
      icon={SearchX}
      title="There is nothing at this address"
      text="It may have been moved, or mistyped."
    >
      <Button component={Link} to="/">
        Go to the dashboard
      </Button>
    </EmptyState>
  )
}
