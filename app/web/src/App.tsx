import { useQueryClient } from '@tanstack/react-query'
import { lazy, useEffect, useRef } from 'react'
import { Navigate, Route, Routes } from 'react-router'
import { Frame } from './frame/Frame.js'
import { RegisterPage } from './session/RegisterPage.js'
import { SignInAgain } from './session/SignInAgain.js'
import { AccountContext, connectSession, useSession } from './session/session.js'
import { SignInPage } from './session/SignInPage.js'
import { Unreachable } from './session/Unreachable.js'

const DashboardPage = lazy(() =>
  import('./dashboard/DashboardPage.js').then((page) => ({ default: page.DashboardPage })),
)
const loadPluginsPage = () => import('./plugins/PluginsPage.js').then((page) => ({ default: page.PluginsPage }))
const PluginsPage = lazy(loadPluginsPage)
// Its code comes while the server is asked who is signed in.
if (/^\/plugins(\/[a-z-]+)?$/.test(window.location.pathname)) void loadPluginsPage()
const ManagementPage = lazy(() =>
  import('./management/ManagementPage.js').then((page) => ({ default: page.ManagementPage })),
)
const ModelsPage = lazy(() => import('./models/ModelsPage.js').then((page) => ({ default: page.ModelsPage })))
const RisksPage = lazy(() => import('./risks/RisksPage.js').then((page) => ({ default: page.RisksPage })))
const MembersPage = lazy(() => import('./members/MembersPage.js').then((page) => ({ default: page.MembersPage })))
const SettingsPage = lazy(() => import('./settings/SettingsPage.js').then((page) => ({ default: page.SettingsPage })))
const WebhooksPage = lazy(() => import('./webhooks/WebhooksPage.js').then((page) => ({ default: page.WebhooksPage })))
const WebhookPage = lazy(() => import('./webhooks/WebhookPage.js').then((page) => ({ default: page.WebhookPage })))
const NotFoundPage = lazy(() => import('./frame/NotFoundPage.js').then((page) => ({ default: page.NotFoundPage })))

/** All of the client: the door, and what is behind it. */
export function App() {
  const cache = useQueryClient()
  const connected = useRef(false)
  if (!connected.current) {
    connectSession(cache)
    connected.current = true
  }
  const session = useSession()
  const wasSignedIn = useRef(false)
  useEffect(() => {
    if (session.data) wasSignedIn.current = true
  }, [session.data])

  if (session.isPending) return session.failureCount > 0 ? <p role="status">Tenon does not answer yet…</p> : null
  // A look that fails later takes nothing away: what is there stays, and says itself what it cannot do.
  if (session.data === undefined) return <Unreachable error={session.error} onRetry={() => void session.refetch()} />
  if (session.data === null) {
    return (
      <Routes>
        <Route path="/register" element={<RegisterPage />} />
        <Route path="*" element={<SignInPage ended={wasSignedIn.current} />} />
      </Routes>
    )
  }
  const { ended, organization, user } = session.data
  return (
    <AccountContext value={session.data}>
      {ended && <SignInAgain />}
      <Routes>
        <Route element={<Frame key={`${organization.id}/${user.id}`} />}>
          <Route index element={<DashboardPage />} />
          <Route path="/register" element={<Navigate to="/" replace />} />
          <Route path="/plugins" element={<PluginsPage />} />
          <Route path="/plugins/marketplace" element={<PluginsPage />} />
          <Route path="/plugins/my-plugins" element={<PluginsPage />} />
          <Route path="/plugins/updates" element={<PluginsPage />} />
          <Route path="/plugins/requests" element={<PluginsPage />} />
          <Route path="/plugins/activity" element={<PluginsPage />} />
          <Route path="/plugins/:pluginKey/manage" element={<ManagementPage />} />
          <Route path="/models" element={<ModelsPage />} />
          <Route path="/risks" element={<RisksPage />} />
          <Route path="/members" element={<MembersPage />} />
          <Route path="/settings" element={<SettingsPage />} />
          <Route path="/settings/webhooks" element={<WebhooksPage />} />
          <Route path="/settings/webhooks/:id" element={<WebhookPage />} />
          <Route path="*" element={<NotFoundPage />} />
        </Route>
      </Routes>
    </AccountContext>
  )
}
