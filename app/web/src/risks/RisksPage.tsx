import { PageHead } from '../ui/PageHead.js'

export function RisksPage() {
  return <PageHead title="Risks" />
}
