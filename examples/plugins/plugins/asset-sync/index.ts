import type {
  ConfigureResult,
  InstallResult,
  PluginMetadata,
  RouteRequest,
  Router,
  SeedContext,
  TestConnectionResult,
  UninstallResult,
  ValidationResult,
} from '@tenon/sdk'
import { listRecords } from './list-records'
import { countPages, readPages, readServer, ServiceError } from './service'
import { createTable, dropTable, writeRecords } from './records'

// A plugin that copies records of another service into a table of its own, on a schedule and at the press of a button.

type Config = Record<string, unknown>

export const metadata: PluginMetadata = {
  name: 'Asset Sync',
  version: '1.0.0',
  author: 'Tenon',
  description: 'Shows the assets of an inventory service',
}

/** Makes the table. What takes long is left to the sync. */
export async function install(
  _userId: number,
  tenantId: string,
  _config: Config,
  { sequelize }: SeedContext,
): Promise<InstallResult> {
  await createTable(sequelize, tenantId)
  return {
    success: true,
    message: 'Asset Sync is installed. Enter the address of the server, then press Sync records.',
  }
}

export async function uninstall(
  _userId: number,
  tenantId: string,
  { sequelize }: SeedContext,
): Promise<UninstallResult> {
  await dropTable(sequelize, tenantId)
  return { success: true, message: 'Asset Sync is uninstalled, and its table is gone.' }
}

/** Rules that a JSON Schema cannot say. Runs before anything is stored. */
export function validateConfig(config: Config | null): ValidationResult {
  const errors: string[] = []
  const url = String(config?.server_url ?? '')
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    errors.push('Server URL must be an http(s) address')
  if (String(config?.api_token ?? '').trim() === '') errors.push('API Token is required')
  return { valid: errors.length === 0, errors }
}

export function configure(_userId: number, _tenantId: string, config: Config): Promise<ConfigureResult> {
  const { valid, errors } = validateConfig(config)
  return Promise.resolve({ success: valid, message: valid ? 'Saved. Press Sync records.' : errors.join('; ') })
}

/** The button "Test connection". Never throws, and never repeats what the other side said. */
export async function testConnection(config: Config, context?: SeedContext): Promise<TestConnectionResult> {
  const { valid, errors } = validateConfig(config)
  if (!valid) return { success: false, message: errors.join('; ') }
  try {
    await countPages(readServer(config, context?.signal))
    return { success: true, message: 'Connected.' }
  } catch (error) {
    return { success: false, message: error instanceof ServiceError ? error.message : 'The connection failed.' }
  }
}

/** Copies every record; a page that cannot be read fails the whole, and what was written before stays. */
export async function syncRecords(tenantId: string, config: Config, context: SeedContext) {
  const { valid, errors } = validateConfig(config)
  if (!valid) return { success: false, status: 422, recordCount: 0, written: 0, message: errors.join('; ') }
  let recordCount = 0
  let written = 0
  try {
    for await (const page of readPages(readServer(config, context.signal))) {
      written += await writeRecords(context, tenantId, page)
      recordCount += page.length
      context.progress?.(recordCount, undefined, `${recordCount} records`)
    }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    return { success: false, status: error.status, recordCount, written, message: error.message }
  }
  return { success: true, status: 200, recordCount, written, message: `Read ${recordCount} records.` }
}

export const router: Router = {
  'GET /records': async (request: RouteRequest) => ({
    data: await listRecords(request.sequelize, request.tenantId, request.query),
  }),
  'POST /sync': async (request: RouteRequest) => {
    const { status, ...data } = await syncRecords(request.tenantId, request.configuration, request)
    return { status, data }
  },
}
