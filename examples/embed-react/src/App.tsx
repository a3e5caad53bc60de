import {
  InstallDialog,
  type Plugin,
  PluginCard,
  PluginGate,
  useInstallations,
  usePluginInstallation,
  usePlugins,
} from '@tenon/react'
import { PluginConfigForm } from '@tenon/react/configuration'
import { useState } from 'react'

/** An application of its own, with a corner for plugins. It names places and never a plugin. */
export function App({ mayInstall }: { mayInstall: boolean }) {
  return (
    <>
      <header className="orchard-head">
        <h1>Orchard</h1>
        <PluginGate slot="orchard.greeting" fallback={<p>Nobody greets here yet.</p>}>
          <p>A plugin greets here.</p>
        </PluginGate>
      </header>
      <main className="orchard">
        <Plugins mayInstall={mayInstall} />
        {mayInstall && <Configurations />}
      </main>
    </>
  )
}

function Plugins({ mayInstall }: { mayInstall: boolean }) {
  const { plugins, loading, error } = usePlugins()
  const { uninstall, isInstalling } = usePluginInstallation()
  const [chosen, setChosen] = useState<Plugin>()
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
          {...(mayInstall ? { onInstall: setChosen, onUninstall: (id: number) => uninstall(id) } : {})}
        />
      ))}
      <InstallDialog
        plugin={chosen}
        onClose={() => setChosen(undefined)}
        onInstalled={() => undefined}
        onContinue={() => setChosen(undefined)}
      />
    </section>
  )
}

/** A form for whatever is installed and can be configured. */
function Configurations() {
  const { data = [] } = useInstallations()
  return data.map((installation) =>
    installation.plugin?.contributes?.configuration ? (
      <section key={installation.id} aria-label={`Settings of ${installation.plugin.displayName}`}>
        <h2>{installation.plugin.displayName}</h2>
        <PluginConfigForm plugin={installation.plugin} installation={installation} />
      </section>
    ) : null,
  )
}
