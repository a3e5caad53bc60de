import { PageHead } from '../ui/PageHead.js'

export function DashboardPage() {
  return <PageHead title="Dashboard" />
}
