import { QueryTypes, type Sequelize } from 'sequelize'
import { createSeedLoader, type PluginModule, type SeedLoaderOptions, type SeedPlugin } from './load-plugin.js'

interface SeedServiceOptions extends SeedLoaderOptions {
  sequelize: Sequelize
}

interface InstallationRow {
  id: number
  plugin_key: string
}

/** The part of the seed's `PluginService` that is measured, in the order of steps that the seed gives. */
export function createSeedPluginService({ sequelize, ...loader }: SeedServiceOptions) {
  const loadPluginCode = createSeedLoader(loader)

  async function fetchRemoteMarketplace(): Promise<SeedPlugin[]> {
    const response = await fetch(loader.marketplaceUrl)
    return ((await response.json()) as { plugins: SeedPlugin[] }).plugins
  }

  async function getPluginByKey(pluginKey: string): Promise<SeedPlugin> {
    const plugin = (await fetchRemoteMarketplace()).find(({ key }) => key === pluginKey)
    if (!plugin) throw new Error(`Plugin ${pluginKey} is not in the marketplace`)
    return plugin
  }

  return {
    getAllPlugins: fetchRemoteMarketplace,

    async installPlugin(pluginKey: string, userId: number, tenantId: string): Promise<void> {
      const plugin = await getPluginByKey(pluginKey)
      const { install } = (await loadPluginCode(plugin)) as { install: (...args: unknown[]) => Promise<unknown> }
      await install(userId, tenantId, {}, { sequelize })
      await sequelize.query(
        `INSERT INTO "${tenantId}".plugin_installations (plugin_key, status) VALUES (:pluginKey, 'installed')`,
        { replacements: { pluginKey } },
      )
    },

    /** Each installation with what the marketplace says about it. */
    async getInstalledPlugins(tenantId: string): Promise<(InstallationRow & { plugin: SeedPlugin })[]> {
      const rows = await sequelize.query<InstallationRow>(`SELECT * FROM "${tenantId}".plugin_installations`, {
        type: QueryTypes.SELECT,
      })
      return Promise.all(rows.map(async (row) => ({ ...row, plugin: await getPluginByKey(row.plugin_key) })))
    },

    getPluginByKey,
    /** Before every call of a plugin. */
    loadPluginCode: (plugin: SeedPlugin): Promise<PluginModule> => loadPluginCode(plugin),
  }
}

/** The table of S17, in a schema that is made for it. */
export async function createSeedTenant(sequelize: Sequelize, tenantId: string): Promise<void> {
  await sequelize.query(`
    CREATE SCHEMA "${tenantId}";
    CREATE TABLE "${tenantId}".plugin_installations (
      id SERIAL PRIMARY KEY,
      plugin_key VARCHAR(100) NOT NULL UNIQUE,
      status VARCHAR(20) NOT NULL DEFAULT 'installed' CHECK (status IN ('installed')),
      installed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
      error_message TEXT,
      configuration JSONB,
      metadata JSONB,
      created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
      updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
    )`)
}
