import type { ConfigureResult, InstallResult, PluginMetadata, SeedContext, UninstallResult } from '@tenon/sdk'
import { isConfigured, validateConfig } from './configuration'
import { listModels, type ModelList } from './model-list'
import { modelRecords } from './model-records'

export { testConnection } from './connection-test'
export { router } from './routes'
export { syncModels } from './sync-models'
export { validateConfig }

type Config = Record<string, unknown>

export const metadata: PluginMetadata = {
  name: 'MLflow',
  version: '1.0.0',
  author: 'Tenon',
  description: 'Shows the models of your MLflow tracking server, with their versions and metrics',
}

/** Creates the tables. Reading a large registry takes longer than an installation may, so that is left to Sync. */
export async function install(
  _userId: number,
  tenantId: string,
  _config: Config,
  { sequelize }: SeedContext,
): Promise<InstallResult> {
  await modelRecords({ sequelize }, tenantId).createTables()
  return {
    success: true,
    message: 'MLflow is installed. Enter the address of your tracking server, then press Sync models.',
    installedAt: new Date().toISOString(),
  }
}

/** Removes the tables, or what is left of them. */
export async function uninstall(
  _userId: number,
  tenantId: string,
  { sequelize }: SeedContext,
): Promise<UninstallResult> {
  const count = await modelRecords({ sequelize }, tenantId).dropTables()
  return {
    success: true,
    message: `MLflow is uninstalled. ${count} model versions were removed.`,
    uninstalledAt: new Date().toISOString(),
  }
}

/** The host stores the configuration; there is nothing to do but to say what comes next. */
export function configure(
  _userId: number,
  _tenantId: string,
  config: Config,
  _context: SeedContext,
): Promise<ConfigureResult> {
  const { valid, errors } = validateConfig(config)
  return Promise.resolve({
    success: valid,
    message: valid ? 'Saved. Press Sync models to read them.' : `Invalid configuration: ${errors.join(', ')}`,
    configuredAt: new Date().toISOString(),
  })
}

/** The stored models and how the last synchronisation went. */
export function getMLflowModels(
  tenantId: string,
  configuration: Config,
  { sequelize }: SeedContext,
): Promise<ModelList> {
  return listModels(sequelize, tenantId, isConfigured(configuration))
}
