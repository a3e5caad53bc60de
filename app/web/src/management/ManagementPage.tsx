import { PageHead } from '../ui/PageHead.js'

export function ManagementPage() {
  return <PageHead title="Management" />
}
