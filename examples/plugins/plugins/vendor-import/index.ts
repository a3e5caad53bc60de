import { parse } from 'csv-parse/sync'
import type {
  InstallResult,
  PluginMetadata,
  RouteRequest,
  RouteResult,
  Router,
  SeedContext,
  Sequelize,
  Transaction,
  UninstallResult,
  ValidationResult,
} from '@tenon/sdk'
import { checkRows, columns, type Item, type RowError } from './check-rows'

// A plugin that adds items from a CSV file: every row is checked before anything is stored.

export const metadata: PluginMetadata = {
  name: 'Vendor Import',
  version: '1.0.0',
  author: 'Tenon',
  description: 'Adds vendors from a CSV file',
}

const MAX_ROWS = 10_000

export async function install(
  _userId: number,
  tenantId: string,
  _config: Record<string, unknown>,
  { sequelize }: SeedContext,
): Promise<InstallResult> {
  await sequelize.query(`
    CREATE TABLE IF NOT EXISTS ${tableOf(tenantId, 'items')} (
      id serial PRIMARY KEY,
      name text NOT NULL,
      due_date date,
      amount numeric,
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE IF NOT EXISTS ${tableOf(tenantId, 'runs')} (id uuid PRIMARY KEY)`)
  return { success: true, message: 'Vendor Import is installed. Download the template and fill it in.' }
}

export async function uninstall(
  _userId: number,
  tenantId: string,
  { sequelize }: SeedContext,
): Promise<UninstallResult> {
  await sequelize.query(`DROP TABLE IF EXISTS ${tableOf(tenantId, 'items')}, ${tableOf(tenantId, 'runs')} CASCADE`)
  return { success: true, message: 'Vendor Import is uninstalled, and its items are gone.' }
}

/** There is nothing to configure. */
export function validateConfig(): ValidationResult {
  return { valid: true, errors: [] }
}

/** Adds all rows in one transaction, or none; once for each run, also when it is called again because its server died. */
export async function importItems(
  rows: readonly unknown[],
  tenantId: string,
  { sequelize, database, log, run }: SeedContext,
) {
  const { items, errors } = checkRows(rows)
  if (errors.length > 0) return result(0, rows.length, errors)
  await sequelize.transaction(async (transaction) => {
    if (run && !(await isFirst(run.id, tenantId, sequelize, transaction))) return
    if (database) await database.insertMany(`${tenantId}.vendor_import_items`, items, { transaction })
    else await insertOneByOne(sequelize, tenantId, items, transaction)
  })
  log?.info(`Imported ${items.length} items`)
  return result(items.length, 0, [])
}

export const router: Router = {
  'GET /template': () => ({
    buffer: Buffer.from(`${columns.map(({ title }) => title).join(',')}\n`),
    filename: 'vendor-import-template.csv',
    contentType: 'text/csv; charset=utf-8',
  }),
  'POST /check': (request) =>
    withRows(request, (rows) => {
      const { items, errors } = checkRows(rows)
      return Promise.resolve({ data: { success: errors.length === 0, valid: items.length, errors } })
    }),
  'POST /import': (request) =>
    withRows(request, async (rows) => ({ data: await importItems(rows, request.tenantId, request) })),
  'GET /items': async ({ sequelize, tenantId }) => {
    const items = await sequelize.query(`SELECT * FROM ${tableOf(tenantId, 'items')} ORDER BY id LIMIT 200`, {
      type: 'SELECT',
    })
    return { data: { items, total: items.length } }
  },
}

/** A file, or rows as JSON in `csvData`. */
async function withRows(
  request: RouteRequest,
  answer: (rows: unknown[]) => Promise<RouteResult>,
): Promise<RouteResult> {
  const { csvData } = (request.body ?? {}) as { csvData?: unknown }
  const rows = request.file ? readCsv(request.file.buffer) : csvData
  if (!Array.isArray(rows)) return { status: 400, data: 'Send a CSV file, or rows in csvData.' }
  if (rows.length > MAX_ROWS) return { status: 400, data: `One import takes at most ${MAX_ROWS} rows. Split the file.` }
  return answer(rows)
}

function readCsv(bytes: Uint8Array): unknown[] | undefined {
  const keys = new Map(columns.map(({ key, title }) => [title.toLowerCase(), key]))
  try {
    return parse(Buffer.from(bytes), {
      bom: true,
      columns: (header: string[]) => header.map((title) => keys.get(title.trim().toLowerCase()) ?? title),
      delimiter: [',', ';'],
      relax_column_count: true,
    })
  } catch {
    return undefined
  }
}

function result(imported: number, failed: number, errors: RowError[]) {
  return { success: errors.length === 0, imported, failed, errors, importedAt: new Date().toISOString() }
}

/** False when this run has stored its rows already; waits for a call that is about to. */
async function isFirst(id: string, tenantId: string, sequelize: Sequelize, transaction: Transaction): Promise<boolean> {
  const recorded = await sequelize.query(
    `INSERT INTO ${tableOf(tenantId, 'runs')} (id) VALUES (CAST(:id AS uuid)) ON CONFLICT DO NOTHING RETURNING id`,
    { replacements: { id }, type: 'SELECT', transaction },
  )
  return recorded.length > 0
}

async function insertOneByOne(
  sequelize: Sequelize,
  tenantId: string,
  items: readonly Item[],
  transaction: Transaction,
): Promise<void> {
  for (const { name, due_date, amount } of items) {
    await sequelize.query(
      `INSERT INTO ${tableOf(tenantId, 'items')} (name, due_date, amount) VALUES (:name, :due_date, :amount)`,
      { replacements: { name, due_date, amount }, transaction },
    )
  }
}

function tableOf(tenantId: string, name: 'items' | 'runs'): string {
  if (!/^[A-Za-z0-9_]{1,63}$/.test(tenantId)) throw new Error('This is not the name of an organization')
  return `"${tenantId}".vendor_import_${name}`
}
