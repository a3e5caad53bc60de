import { PageHead } from '../ui/PageHead.js'

export function ModelsPage() {
  return <PageHead title="Models" />
}
