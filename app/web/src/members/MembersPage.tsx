import { PageHead } from '../ui/PageHead.js'

export function MembersPage() {
  return <PageHead title="Members" />
}
