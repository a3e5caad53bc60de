import {
  InstallDialog,
  OAuthReturnNote,
  type Plugin,
  PluginCard,
  PluginGate,
  PluginImporter,
  type PluginInstallation,
  PluginRuns,
  PluginView,
  UninstallDialog,
  useInstallations,
  useOAuthReturn,
  usePluginInstallation,
  usePlugins,
  useSlot,
} from '@tenon/react'
import { PluginConfigForm, PluginConnections } from '@tenon/react/configuration'
import { useState } from 'react'

/** The place at which plugins greet: this application names it, and knows none of them. */
const greetings = 'orchard.greeting'

/** An application of its own, with a corner for plugins. */
export function App({ mayInstall }: { mayInstall: boolean }) {
  // Whoever connected an account is back from the service, at the address that the host gave it.
  const returned = useOAuthReturn({ onTaken: () => history.replaceState(null, '', '/') })
  return (
    <>
      <header className="orchard-head">
        <h1>Orchard</h1>
        <PluginGate slot={greetings} fallback={<p>Nobody greets here yet.</p>}>
          <p>A plugin greets here.</p>
        </PluginGate>
      </header>
      <main className="orchard">
        {returned && <OAuthReturnNote returned={returned} />}
        <Plugins mayInstall={mayInstall} />
        <Greetings mayImport={mayInstall} />
        {mayInstall && <Settings />}
      </main>
    </>
  )
}

function Plugins({ mayInstall }: { mayInstall: boolean }) {
  const { plugins, loading, error } = usePlugins()
  const { isInstalling } = usePluginInstallation()
  const [chosen, setChosen] = useState<Plugin>()
  const [leaving, setLeaving] = useState<Plugin>()
  if (loading) return <p>Looking at the marketplace…</p>
  if (error !== null) return <p role="alert">{error}</p>
  return (
    <section aria-label="Plugins" className="orchard-plugins">
      <h2>What you can add</h2>
      {plugins.map((plugin) => (
        <PluginCard
          key={plugin.key}
          plugin={plugin}
          href={`#${plugin.key}`}
          loading={isInstalling(plugin.key)}
          onInstall={mayInstall ? setChosen : undefined}
          onUninstall={mayInstall ? () => setLeaving(plugin) : undefined}
        />
      ))}
      <InstallDialog plugin={chosen} onClose={() => setChosen(undefined)} onContinue={() => setChosen(undefined)} />
      <UninstallDialog plugin={leaving} onClose={() => setLeaving(undefined)} />
    </section>
  )
}

/** The tables of whatever greets, and the files that it takes. */
function Greetings({ mayImport }: { mayImport: boolean }) {
  const views = useSlot(greetings, 'views').contributions
  const importers = useSlot(greetings, 'importers').contributions
  return (
    <>
      {views.map(({ plugin, contribution }) => (
        <section key={`${plugin.key}.${contribution.id}`} aria-label={contribution.title}>
          <h2>{contribution.title}</h2>
          <PluginView plugin={plugin} view={contribution} />
        </section>
      ))}
      {mayImport &&
        importers.map(({ plugin, contribution }) => (
          <section key={`${plugin.key}.${contribution.id}`} aria-label={contribution.title}>
            <h2>{contribution.title}</h2>
            <PluginImporter plugin={plugin} importer={contribution} />
          </section>
        ))}
    </>
  )
}

/** For whatever is installed: its form, its accounts, and what it did. */
function Settings() {
  const { data = [] } = useInstallations()
  return data.map((installation) =>
    installation.plugin ? (
      <PluginSettings key={installation.id} plugin={installation.plugin} installation={installation} />
    ) : null,
  )
}

function PluginSettings({ plugin, installation }: { plugin: Plugin; installation: PluginInstallation }) {
  const [message, setMessage] = useState('')
  const { configuration, connections = [] } = plugin.contributes ?? {}
  return (
    <section aria-label={`Settings of ${plugin.displayName}`}>
      <h2>{plugin.displayName}</h2>
      <p role="status">{message}</p>
      {configuration && (
        <PluginConfigForm plugin={plugin} installation={installation} onSaved={() => setMessage('Saved.')} />
      )}
      {connections.map((connection) => (
        <PluginConnections
          key={connection.id}
          plugin={plugin}
          connection={connection}
          onOutcome={(outcome) => setMessage(outcome.message)}
        />
      ))}
      <h3>What it did</h3>
      <PluginRuns plugin={plugin} installation={installation} may={() => true} />
    </section>
  )
}
