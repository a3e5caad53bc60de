import type {
  ConfigureResult,
  InstallResult,
  PluginMetadata,
  SeedContext,
  UninstallResult,
  ValidationResult,
} from '@tenon/sdk'
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

/** There is nothing to make: risks go into the register that is there. */
export function install(
  _userId: number,
  _tenantId: string,
  _config: Config,
  _context: SeedContext,
): Promise<InstallResult> {
  return Promise.resolve({
    success: true,
    message: 'Risk Import is installed. You find it on the Risks page.',
    installedAt: new Date().toISOString(),
  })
}

/** Risks that were imported are the organization's own, and stay. */
export function uninstall(_userId: number, _tenantId: string, _context: SeedContext): Promise<UninstallResult> {
  return Promise.resolve({
    success: true,
    message: 'Risk Import is uninstalled. The risks that it imported stay in the register.',
    uninstalledAt: new Date().toISOString(),
  })
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
