import type {
  ConfigureResult,
  InstallResult,
  PluginMetadata,
  SeedContext,
  UninstallResult,
  ValidationResult,
} from '@tenon/sdk'
import { createHistory, dropHistory } from './import-history'
import { readPeople } from './people'
import { buildTemplate } from './template'

export * from './enums'
export { importRisks } from './import-risks'
export { calculateRiskLevel } from './risk-level'
export { router } from './routes'

type Config = Record<string, unknown>

export const metadata: PluginMetadata = {
  name: 'Risk Import',
  version: '1.0.0',
  author: 'Tenon',
  description: 'Adds risks from an Excel or CSV file to the risk register',
}

/** Risks go into the register that is there; the plugin's own table says what was imported when. */
export async function install(
  _userId: number,
  tenantId: string,
  _config: Config,
  { sequelize }: SeedContext,
): Promise<InstallResult> {
  await createHistory(sequelize, tenantId)
  return {
    success: true,
    message: 'Risk Import is installed. You find it on the Risks page.',
    installedAt: new Date().toISOString(),
  }
}

/** Risks that were imported are the organization's own, and stay. */
export async function uninstall(
  _userId: number,
  tenantId: string,
  { sequelize }: SeedContext,
): Promise<UninstallResult> {
  await dropHistory(sequelize, tenantId)
  return {
    success: true,
    message: 'Risk Import is uninstalled. The risks that it imported stay in the register.',
    uninstalledAt: new Date().toISOString(),
  }
}

export function validateConfig(_config: Config): ValidationResult {
  return { valid: true, errors: [] }
}

export function configure(
  _userId: number,
  _tenantId: string,
  _config: Config,
  _context: SeedContext,
): Promise<ConfigureResult> {
  return Promise.resolve({
    success: true,
    message: 'There is nothing to configure.',
    configuredAt: new Date().toISOString(),
  })
}

export interface ExcelTemplate {
  success: boolean
  buffer: Buffer
  filename: string
  contentType: string
}

/** The workbook that people fill in, with the people of this organization in its dropdowns. */
export async function getExcelTemplate(organizationId: string | number, context: SeedContext): Promise<ExcelTemplate> {
  const people = await readPeople(context, { organizationId })
  return {
    success: true,
    buffer: await buildTemplate({ people }),
    filename: 'risk_import_template.xlsx',
    contentType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  }
}
