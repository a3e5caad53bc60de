import { Button, useComputedColorScheme } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { UiContribution } from '@tenon/contract'
import { frameLimits, type FrameTheme } from '@tenon/contract/frame'
import { useEffect, useRef, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { addressOf, request } from '../api/request.js'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { type FrameBridge, openFrameBridge } from './frameBridge.js'

let shownFrames = 0

export interface PluginFrameProps {
  plugin: Plugin
  installation: PluginInstallation
  /** Which of the plugin's own pages is shown; the first one when absent. */
  page?: string | undefined
  /** The person goes to another of its pages: show the frame with that one. */
  onNavigate?: ((page: string) => void) | undefined
}

/**
 * A plugin's own UI. It runs in a frame without an origin, which reaches this page by a typed channel only and the
 * plugin's own routes as the signed-in user. Let your pages be served with `frame-src` naming the origin of the API and
 * nothing else: a frame can leave its document, and this keeps it from taking anything along.
 *
 * @example
 * const [page, setPage] = useState('overview')
 * return <PluginFrame plugin={plugin} installation={installation} page={page} onNavigate={setPage} />
 * @since 0.1.0
 */
export function PluginFrame(props: PluginFrameProps) {
  const { plugin, installation } = props
  const ui = plugin.contributes?.ui
  const [attempt, setAttempt] = useState(0)
  const [own] = useState(() => (shownFrames += 1))
  const address = useQuery({
    // Not among what is read anew when something of the plugin has changed: the frame would lose what is in it.
    queryKey: ['tenon-frame', own, installation.id, attempt],
    queryFn: async () => {
      const { path } = await request<{ path: string }>(`/plugins/installations/${installation.id}/frame`, {
        method: 'POST',
      })
      return addressOf(`/plugins${path}`)
    },
    enabled: ui !== undefined,
    // It is good for a minute, and for one frame.
    staleTime: Infinity,
    gcTime: 0,
  })
  const retry = () => setAttempt((count) => count + 1)
  if (!ui) return null
  if (address.error)
    return <FrameNote title={`${plugin.displayName} cannot be shown`} error={address.error} onRetry={retry} />
  if (!address.data) return <Loading height={ui.height} />
  return <Frame key={address.data} {...props} ui={ui} address={address.data} onRetry={retry} />
}

type FrameProps = PluginFrameProps & { ui: UiContribution; address: string; onRetry: () => void }

function Frame({ plugin, page: askedPage, onNavigate, ui, address, onRetry }: FrameProps) {
  const page = ui.pages.find(({ id }) => id === askedPage) ?? ui.pages[0]
  const frame = useRef<HTMLIFrameElement>(null)
  const loads = useRef(0)
  const bridge = useRef<FrameBridge>(undefined)
  const [height, setHeight] = useState(ui.height)
  const [isReady, setReady] = useState(false)
  const [broken, setBroken] = useState<string>()
  const scheme = useComputedColorScheme('light')
  const latest = useRef({ page: page?.id ?? '', scheme, onNavigate })
  latest.current = { page: page?.id ?? '', scheme, onNavigate }

  useEffect(() => {
    bridge.current = openFrameBridge({
      frame: () => frame.current?.contentWindow ?? null,
      pluginKey: plugin.key,
      routes: ui.routes,
      pages: ui.pages.map(({ id }) => id),
      welcome: () => ({ page: latest.current.page, theme: themeOf(frame.current, latest.current.scheme) }),
      onReady: () => setReady(true),
      onHeight: setHeight,
      onNavigate: (next) => latest.current.onNavigate?.(next),
      onBroken: setBroken,
    })
    return () => bridge.current?.close()
  }, [plugin.key, ui])
  useEffect(() => {
    if (isReady || broken !== undefined) return
    const timer = setTimeout(() => setBroken('it does not answer'), frameLimits.helloTimeoutMs)
    return () => clearTimeout(timer)
  }, [isReady, broken])
  useEffect(() => bridge.current?.sendTheme(themeOf(frame.current, scheme)), [scheme])
  useEffect(() => bridge.current?.sendPage(page?.id ?? ''), [page?.id])

  if (broken !== undefined) {
    return (
      <FrameNote
        title={`${plugin.displayName} was stopped`}
        error={new Error(`Its page was closed: ${broken}.`)}
        onRetry={onRetry}
      />
    )
  }
  return (
    <iframe
      ref={frame}
      className="tn-frame"
      title={`${plugin.displayName}: ${page?.title ?? ''}`}
      src={address}
      sandbox="allow-scripts"
      allow=""
      referrerPolicy="no-referrer"
      style={{ height }}
      onLoad={() => {
        loads.current += 1
        if (loads.current < 2) return
        bridge.current?.close()
        setBroken('it left its own document')
      }}
    />
  )
}

function FrameNote({ title, error, onRetry }: { title: string; error: Error; onRetry: () => void }) {
  return (
    <div className="tn-frame-note">
      <ErrorNote title={title} error={error} />
      <Button variant="default" onClick={onRetry}>
        Open it again
      </Button>
    </div>
  )
}

const themeVariables = {
  text: '--mantine-color-text',
  font: '--mantine-font-family',
  surface: '--tn-surface',
  ground: '--tn-ground',
  quiet: '--tn-quiet',
  line: '--tn-line',
  accent: '--tn-accent-text',
  'accent-ground': '--tn-accent-ground',
  good: '--tn-good-text',
  'good-ground': '--tn-good-ground',
  busy: '--tn-busy-text',
  'busy-ground': '--tn-busy-ground',
  bad: '--tn-bad-text',
  'bad-ground': '--tn-bad-ground',
} as const

/** The colours that the frame stands among, as they are now. */
function themeOf(element: Element | null, colorScheme: FrameTheme['colorScheme']): FrameTheme {
  const style = getComputedStyle(element ?? document.documentElement)
  const values = Object.entries(themeVariables).map(([name, variable]) => [
    name,
    style.getPropertyValue(variable).trim(),
  ])
  return {
    colorScheme,
    values: Object.fromEntries(values.filter(([, value]) => value !== '')) as Record<string, string>,
  }
}
