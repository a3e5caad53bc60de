import { PageHead } from '../ui/PageHead.js'

export function SettingsPage() {
  return <PageHead title="Settings" />
}
