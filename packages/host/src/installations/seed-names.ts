import { ValidationException } from '@tenon/contract'
import { contextPlaceholder, type PluginInvocation, type PluginReport } from '@tenon/contract/wire'
import type { RouteAnswer } from '../runtime/index.js'
import type { CallRoute, RouteRequest } from './route-request.js'

/**
 * The seed's names that name one plugin: the only place where the host knows any. Each is one line over the general
 * mechanism, so that code written against the seed finds them.
 */
export interface SeedNames {
  /** S41 */
  getMLflowModels(tenantId: string): Promise<unknown>
  /** S42 */
  syncMLflowModels(tenantId: string): Promise<unknown>
  /** S43 */
  getRiskImportTemplate(tenantId: string, organizationId: number): Promise<{ buffer: Uint8Array; filename: string }>
  /** S44 */
  importRisks(csvData: unknown[], tenantId: string): Promise<unknown>
}

type CallForTenant = (
  tenantId: string,
  request: Pick<RouteRequest, 'pluginKey' | 'method' | 'path' | 'body'>,
) => ReturnType<CallRoute>

export function createSeedNames(call: CallForTenant): SeedNames {
  return {
    getMLflowModels: async (tenantId) =>
      dataOf(await call(tenantId, { pluginKey: 'mlflow', method: 'GET', path: '/models' })),
    syncMLflowModels: async (tenantId) =>
      dataOf(await call(tenantId, { pluginKey: 'mlflow', method: 'POST', path: '/sync' })),
    getRiskImportTemplate: async (tenantId) =>
      fileOf(await call(tenantId, { pluginKey: 'risk-import', method: 'GET', path: '/template' })),
    importRisks: async (csvData, tenantId) =>
      dataOf(await call(tenantId, { pluginKey: 'risk-import', method: 'POST', path: '/import', body: { csvData } })),
  }
}

const dataOf = (answer: RouteAnswer): unknown => answer.data
const fileOf = ({ buffer = Buffer.alloc(0), filename = 'download' }: RouteAnswer) => ({ buffer, filename })

/**
 * S88 to S90: what stands for a route in a plugin that has no router, but a function with one of the seed's names. The
 * seed's templates have names of their own for the same things.
 *
 * @throws ValidationException for an import without rows
 */
export function seedRoute(
  request: RouteRequest,
  report: PluginReport,
  configuration: Record<string, unknown>,
): PluginInvocation | undefined {
  const { tenant, method, path, body } = request
  const tenantId = tenant.schema
  const functions: Record<string, { names: string[]; args: () => unknown[] }> = {
    'POST /sync': { names: ['syncModels', 'syncRecords'], args: () => [tenantId, configuration, contextPlaceholder] },
    'GET /template': {
      names: ['getExcelTemplate'],
      args: () => [String(tenant.organizationId), contextPlaceholder],
    },
    'POST /import': { names: ['importRisks', 'importData'], args: () => [rowsOf(body), tenantId, contextPlaceholder] },
  }
  const found = functions[`${method} ${path}`]
  const name = found?.names.find((candidate) => report.exports.includes(candidate))
  return found && name !== undefined ? { kind: 'function', name, args: found.args() } : undefined
}

/** S81 */
function rowsOf(body: unknown): unknown[] {
  const rows = (body as { csvData?: unknown } | undefined)?.csvData
  if (!Array.isArray(rows)) throw new ValidationException('CSV data is required and must be an array', 'csvData')
  return rows
}
