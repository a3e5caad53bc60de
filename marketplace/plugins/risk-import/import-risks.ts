import { randomUUID } from 'node:crypto'
import type { SeedContext, Transaction } from '@tenon/sdk'
import { checkRows, type CheckedRows, type Risk, type RowError, type SheetRow } from './check-rows'
import { columnOfHeader, columns } from './columns'
import { readPeople } from './people'

/** More is a case for several files: all rows of one import are held in memory until the last one is checked. */
export const MAX_ROWS = 20_000
const ROWS_PER_STATEMENT = 5_000
/** Below the frame size of the host, with room for the rest of the statement. */
const MAX_STATEMENT_CHARACTERS = 2_000_000
/** Whoever has this many mistakes corrects the first ones and checks again. */
const MAX_ERRORS = 1_000

export interface ImportResult {
  success: boolean
  imported: number
  /** All rows, when one of them is wrong: an import is all or nothing. */
  failed: number
  /** Sample rows. */
  skipped: number
  errors: RowError[]
  /** Of all mistakes, also of those that are not listed. */
  errorCount: number
  message: string
  /** On each of the risks; null when nothing was imported. */
  importId: string | null
  /** ISO 8601. */
  importedAt: string
}

export interface CheckResult extends ImportResult {
  /** Rows that could be imported. */
  valid: number
  /** The first rows as they would be stored. */
  preview: Risk[]
}

/**
 * Adds the rows of a sheet to the risk register: all of them in one transaction, or none.
 *
 * @param csvData rows by property or header; `rowNumber` says where a row stands when blank ones were left out before.
 */
export async function importRisks(
  csvData: readonly unknown[],
  tenantId: string,
  context: SeedContext,
): Promise<ImportResult> {
  return importSheet(sheetRowsOf(csvData), tenantId, context)
}

/** Like {@link importRisks}, for rows that were read from a file. */
export async function importSheet(
  rows: readonly SheetRow[],
  tenantId: string,
  context: SeedContext,
  fileName?: string,
): Promise<ImportResult> {
  const checked = await check(rows, tenantId, context)
  if (checked.errors.length > 0) return refused(checked)
  const importId = randomUUID()
  const imported = checked.risks.length
  await context.sequelize.transaction(async (transaction) => {
    for (const json of batches(checked.risks)) await insert(json, importId, tenantId, context, transaction)
    await announce({ imported, importId, ...(fileName === undefined ? {} : { fileName }) }, context, transaction)
  })
  context.log?.info(`Imported ${imported} risks`, importId)
  return {
    success: true,
    imported,
    failed: 0,
    skipped: checked.skipped,
    errors: [],
    errorCount: 0,
    message: `${imported} ${imported === 1 ? 'risk was' : 'risks were'} imported.`,
    importId,
    importedAt: new Date().toISOString(),
  }
}

/** What {@link importSheet} would do, without doing it. */
export async function checkSheet(
  rows: readonly SheetRow[],
  tenantId: string,
  context: SeedContext,
): Promise<CheckResult> {
  const checked = await check(rows, tenantId, context)
  const outcome = refused(checked)
  const success = checked.errors.length === 0
  return {
    ...outcome,
    success,
    failed: success ? 0 : outcome.failed,
    message: success ? `${checked.risks.length} risks can be imported.` : outcome.message,
    valid: checked.risks.length,
    preview: checked.risks.slice(0, 5),
  }
}

/** Rows of JSON. What is no row at all counts as a blank one: it must not move the numbers of the others. */
export function sheetRowsOf(csvData: readonly unknown[]): SheetRow[] {
  return csvData.map((row, index) => {
    const given: Record<string, unknown> = typeof row === 'object' && row !== null ? { ...row } : {}
    const number = Number(given.rowNumber)
    const cells: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(given)) {
      const column = columnOfHeader(name)
      if (column) cells[column.key] = value
    }
    return { number: Number.isInteger(number) && number > 0 ? number : index + 2, cells }
  })
}

async function check(rows: readonly SheetRow[], tenantId: string, context: SeedContext): Promise<CheckedRows> {
  if (rows.length > MAX_ROWS) {
    const message = `One import takes at most ${MAX_ROWS} rows; this has ${rows.length}. Split it`
    return {
      risks: [],
      errors: [{ row: MAX_ROWS + 2, field: 'general', message }],
      skipped: 0,
      considered: rows.length,
    }
  }
  const { organizationId } = context
  const people = await readPeople(context, organizationId === undefined ? { tenantId } : { organizationId })
  const checked = checkRows(rows, people)
  if (checked.considered === 0) {
    checked.errors.push({
      row: 2,
      field: 'general',
      message: 'There is no risk in this file. Fill in a row below the header',
    })
  }
  return checked
}

function refused({ errors, considered, skipped }: CheckedRows): ImportResult {
  const rows = new Set(errors.map(({ row }) => row)).size
  return {
    success: false,
    imported: 0,
    failed: considered,
    skipped,
    errors: errors.slice(0, MAX_ERRORS),
    errorCount: errors.length,
    message: `Nothing was imported: ${errors.length} ${plural(errors.length, 'mistake')} in ${rows} ${plural(rows, 'row')}.`,
    importId: null,
    importedAt: new Date().toISOString(),
  }
}

function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`
}

const storedColumns = [
  ...columns.map(({ key, sqlType }) => ({ key, sqlType })),
  { key: 'risk_level_autocalculated', sqlType: 'public.enum_projectrisks_risk_level_autocalculated' },
]

async function insert(
  json: string,
  importId: string,
  tenantId: string,
  { sequelize }: SeedContext,
  transaction: Transaction,
): Promise<void> {
  if (!/^[A-Za-z0-9_]{1,63}$/.test(tenantId)) throw new Error('This is not the name of an organization')
  const names = storedColumns.map(({ key }) => key).join(', ')
  const definitions = storedColumns.map(({ key, sqlType }) => `${key} ${sqlType}`).join(', ')
  await sequelize.query(
    `INSERT INTO "${tenantId}".risks (${names}, import_id)
     SELECT ${names}, CAST(:importId AS uuid)
     FROM jsonb_to_recordset(CAST(:json AS jsonb)) AS sent(${definitions})`,
    { replacements: { json, importId }, transaction },
  )
}

/** In the same transaction as the risks, which `context.publish` would not be: nobody hears of what was rolled back. */
async function announce(payload: object, { sequelize, publish }: SeedContext, transaction: Transaction): Promise<void> {
  // Other hosts have nobody to tell.
  if (!publish) return
  await sequelize.query('SELECT tenon_api.publish(:name, CAST(:payload AS jsonb))', {
    replacements: { name: 'risk.imported', payload: JSON.stringify(payload) },
    transaction,
  })
}

function* batches(risks: readonly Risk[]): Generator<string> {
  let batch: string[] = []
  let characters = 0
  for (const risk of risks) {
    const json = JSON.stringify(risk)
    const full = batch.length === ROWS_PER_STATEMENT || characters + json.length > MAX_STATEMENT_CHARACTERS
    if (full && batch.length > 0) {
      yield `[${batch.join(',')}]`
      batch = []
      characters = 0
    }
    batch.push(json)
    characters += json.length
  }
  if (batch.length > 0) yield `[${batch.join(',')}]`
}
