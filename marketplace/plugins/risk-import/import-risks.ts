import { randomUUID } from 'node:crypto'
import type { SeedContext, Transaction } from '@tenon/sdk'
import { checkRow, errorOf, generalError, type Risk, type RowError, type SheetRow } from './check-rows'
import { columnOfHeader, columns } from './columns'
import { type Duplicates, noDuplicates, readDuplicates } from './duplicates'
import { FileError } from './file-error'
import { findResult, findSameFile, recordImport } from './import-history'
import type { CheckResult, ImportResult } from './import-result'
import { MAX_ERRORS, MAX_ROWS, ROWS_PER_BATCH } from './import-limits'
import { type People, readPeople } from './people'
import { insertRisks } from './risk-table'

export interface ImportOptions {
  /** `all`: every row or none. `good`: the rows without a mistake. */
  mode: 'all' | 'good'
  /** What to do with a risk whose name and owner are there already, and with a file that was imported already. */
  duplicates: 'refuse' | 'import'
  fileName?: string
  /** SHA-256 of the file. */
  fileDigest?: string
}

const usual: ImportOptions = { mode: 'all', duplicates: 'refuse' }

/** Rows as a file has them, or as they are in memory. */
export type Rows = AsyncIterable<SheetRow> | Iterable<SheetRow>

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
  try {
    return await importSheet(sheetRowsOf(csvData), tenantId, context)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return { ...nothingImported, failed: csvData.length, errorCount: 1, ...whole(error.message), importedAt: now() }
  }
}

const PREVIEW_ROWS = 5
const nothingImported = { success: false, imported: 0, failed: 0, skipped: 0, importId: null }
const whole = (message: string) => ({ message, errors: [generalError(1, message)] })
const now = (): string => new Date().toISOString()

/**
 * Like {@link importRisks}, for rows that come one after the other: they are checked and written in batches, so that no
 * more than a few thousand are in memory, and what was written is rolled back when a later row is wrong. The import has the
 * id of the run that it is: where that run was called before, because its server died, what came of it then is the result.
 *
 * @throws FileError when the rows cannot be read, or are too many.
 */
export async function importSheet(
  rows: Rows,
  tenantId: string,
  context: SeedContext,
  options: ImportOptions = usual,
): Promise<ImportResult> {
  const { run } = context
  const earlier = () => (run ? findResult(context, tenantId, run.id) : Promise.resolve(undefined))
  const made = await earlier()
  if (made) return made
  const importId = run?.id ?? randomUUID()
  const writer = createWriter(importId, tenantId, context)
  try {
    const report = await checkAll(rows, tenantId, context, options, async (risk, errorCount) => {
      if (errorCount > 0 && options.mode === 'all') await writer.abandon()
      else if (risk) await writer.add(risk)
    })
    const refusal = report.errors.length > 0 && (options.mode === 'all' || report.valid === 0)
    if (refusal) {
      await writer.abandon()
      // Duplicates may be of an earlier call of this very run, which was still at work when this one began.
      return (await earlier()) ?? refused(report)
    }
    const { fileName, fileDigest } = options
    const named = {
      ...(fileName === undefined ? {} : { fileName }),
      ...(fileDigest === undefined ? {} : { fileDigest }),
    }
    const result = done(report, importId)
    await writer.commit(async (transaction) => {
      await recordImport(context, tenantId, { result, ...named }, transaction)
      const payload = { imported: report.valid, importId, ...(fileName === undefined ? {} : { fileName }) }
      await announce(payload, context, transaction)
    })
    context.log?.info(`Imported ${report.valid} risks`, importId)
    return result
  } catch (error) {
    await writer.abandon()
    // The same when it ended just before this one wanted to.
    const other = await earlier().catch(() => undefined)
    if (other) return other
    throw error
  }
}

/** What {@link importSheet} would do, without doing it. @throws FileError */
export async function checkSheet(
  rows: Rows,
  tenantId: string,
  context: SeedContext,
  options: ImportOptions = usual,
): Promise<CheckResult> {
  const first: Risk[] = []
  const report = await checkAll(rows, tenantId, context, options, (risk) => {
    if (risk && first.length < PREVIEW_ROWS) first.push(risk)
    return Promise.resolve()
  })
  const { valid } = report
  const success = report.errors.length === 0
  const allowsMistakes = options.mode === 'good'
  return {
    ...refused(report),
    success,
    failed: success ? 0 : allowsMistakes ? report.refusedRows : report.considered,
    ...(success ? { message: `${valid} ${plural(valid, 'risk')} can be imported.` } : {}),
    valid,
    importable: success || allowsMistakes ? valid : 0,
    preview: first.length === 0 ? [] : shown(first, await peopleFor(tenantId, context)),
  }
}

/** In the words of the sheet, with people by their names. */
function shown(risks: readonly Risk[], people: People): Record<string, unknown>[] {
  const nameOf = (id: unknown): string | undefined => {
    const person = people.find(String(id))
    return person && `${person.name} ${person.surname}`
  }
  return risks.map((risk) =>
    Object.fromEntries(
      columns.map(({ key, title, holds }) => {
        const value = risk[key]
        return [title, holds.kind === 'person' && value !== null ? (nameOf(value) ?? value) : value]
      }),
    ),
  )
}

/** Rows of JSON. What is no row at all counts as a blank one: it must not move the numbers of the others. */
export function sheetRowsOf(csvData: readonly unknown[]): Iterable<SheetRow> {
  return { [Symbol.iterator]: () => toSheetRows(csvData) }
}

function* toSheetRows(csvData: readonly unknown[]): Generator<SheetRow> {
  for (const [index, row] of csvData.entries()) {
    const given: Record<string, unknown> = typeof row === 'object' && row !== null ? { ...row } : {}
    const number = Number(given.rowNumber)
    const cells: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(given)) {
      const column = columnOfHeader(name)
      if (column) cells[column.key] = value
    }
    yield { number: Number.isInteger(number) && number > 0 ? number : index + 2, cells }
  }
}

interface Report {
  /** Rows that hold something. */
  considered: number
  valid: number
  skipped: number
  refusedRows: number
  errors: RowError[]
  errorCount: number
}

/** Called for each row that holds something, with the risk that it makes, and the mistakes until now. */
type Visit = (risk: Risk | undefined, errorCount: number) => Promise<void>

async function checkAll(
  rows: Rows,
  tenantId: string,
  context: SeedContext,
  options: ImportOptions,
  visit: Visit,
): Promise<Report> {
  const report: Report = { considered: 0, valid: 0, skipped: 0, refusedRows: 0, errors: [], errorCount: 0 }
  const sameFile = await sameFileError(tenantId, context, options)
  if (sameFile) {
    note(report, [sameFile])
    return report
  }
  const judge = await createJudge(tenantId, context, options)
  for await (const row of rows) {
    const verdict = judge(row)
    if (verdict === 'sample') report.skipped += 1
    if (verdict === undefined || verdict === 'sample') continue
    if (report.considered === MAX_ROWS) {
      throw new FileError(`One import takes at most ${MAX_ROWS.toLocaleString('en')} rows. Split the file.`)
    }
    report.considered += 1
    context.signal?.throwIfAborted()
    if ('risk' in verdict) report.valid += 1
    else note(report, verdict.errors)
    await visit('risk' in verdict ? verdict.risk : undefined, report.errorCount)
    if (report.considered % ROWS_PER_BATCH === 0) {
      context.progress?.(report.considered, undefined, `${report.considered.toLocaleString('en')} rows`)
    }
  }
  if (report.considered === 0) {
    note(report, [generalError(2, 'There is no risk in this file. Fill in a row below the header')])
  }
  return report
}

function note(report: Report, errors: readonly RowError[]): void {
  report.refusedRows += 1
  report.errorCount += errors.length
  report.errors.push(...errors.slice(0, MAX_ERRORS - report.errors.length))
}

async function sameFileError(
  tenantId: string,
  context: SeedContext,
  { fileDigest, duplicates }: ImportOptions,
): Promise<RowError | undefined> {
  if (fileDigest === undefined || duplicates === 'import') return undefined
  const past = await findSameFile(context, tenantId, fileDigest)
  if (!past) return undefined
  const when = `${past.importedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const what = `This file was imported already, on ${when}, with ${past.imported} ${plural(past.imported, 'risk')}`
  return generalError(1, `${what}. Take that import back, or import duplicates on purpose`)
}

/** What one row is: undefined when blank. */
export type Judge = (row: SheetRow) => { risk: Risk } | { errors: RowError[] } | 'sample' | undefined

/** Reads what rows are checked against, once for all of them. */
export async function createJudge(tenantId: string, context: SeedContext, options = usual): Promise<Judge> {
  const people = await peopleFor(tenantId, context)
  const duplicates = options.duplicates === 'import' ? noDuplicates : await readDuplicates(context, tenantId)
  return (row) => judgeRow(row, people, duplicates)
}

function peopleFor(tenantId: string, context: SeedContext): Promise<People> {
  const { organizationId } = context
  return readPeople(context, organizationId === undefined ? { tenantId } : { organizationId })
}

function judgeRow(row: SheetRow, people: People, duplicates: Duplicates): ReturnType<Judge> {
  const checked = checkRow(row, people)
  if (checked.kind === 'blank') return undefined
  if (checked.kind === 'sample') return 'sample'
  if (checked.kind === 'refused') return { errors: checked.errors }
  const duplicate = duplicates.find(checked.risk, row.number)
  if (duplicate === undefined) return { risk: checked.risk }
  return { errors: [errorOf(row.number, columns[0], checked.risk.risk_name, duplicate)] }
}

/** Writes batches in one transaction, each while the next is being read. */
function createWriter(importId: string, tenantId: string, context: SeedContext) {
  let transaction: Transaction | undefined
  let batch: Risk[] = []
  let onItsWay: Promise<void> = Promise.resolve()
  let isAbandoned = false

  async function flush(): Promise<void> {
    await onItsWay
    const open = (transaction ??= await context.sequelize.transaction())
    if (batch.length === 0) return
    onItsWay = insertRisks(batch, importId, tenantId, context, open)
    // Told to whoever waits for it next.
    onItsWay.catch(() => undefined)
    batch = []
  }

  return {
    async add(risk: Risk): Promise<void> {
      if (isAbandoned) return
      batch.push(risk)
      if (batch.length === ROWS_PER_BATCH) await flush()
    },
    async commit(last: (transaction: Transaction) => Promise<void>): Promise<void> {
      await flush()
      await onItsWay
      if (!transaction) return
      await last(transaction)
      const open = transaction
      transaction = undefined
      await open.commit()
    },
    /** Nothing of it remains. */
    async abandon(): Promise<void> {
      isAbandoned = true
      batch = []
      const open = transaction
      transaction = undefined
      await onItsWay.catch(() => undefined)
      await open?.rollback()
    },
  }
}

function done(report: Report, importId: string): ImportResult {
  const { valid, refusedRows } = report
  const left =
    refusedRows === 0
      ? ''
      : ` ${refusedRows} ${plural(refusedRows, 'row')} with mistakes ${were(refusedRows)} left out.`
  return {
    success: true,
    imported: valid,
    failed: refusedRows,
    skipped: report.skipped,
    errors: report.errors,
    errorCount: report.errorCount,
    message: `${valid} ${plural(valid, 'risk')} ${were(valid)} imported.${left}`,
    importId,
    importedAt: now(),
  }
}

function refused(report: Report): ImportResult {
  const { considered, skipped, errors, errorCount } = report
  const [first] = errors
  const isGeneral = considered === 0 && errorCount === 1 && first?.field === 'general'
  const message = isGeneral ? `${first.message}.` : `Nothing was imported: ${mistakesOf(report)}`
  return { ...nothingImported, failed: considered, skipped, errors, errorCount, message, importedAt: now() }
}

function mistakesOf({ errorCount, refusedRows }: Report): string {
  return `${errorCount} ${plural(errorCount, 'mistake')} in ${refusedRows} ${plural(refusedRows, 'row')}.`
}

const plural = (count: number, noun: string): string => (count === 1 ? noun : `${noun}s`)
const were = (count: number): string => (count === 1 ? 'was' : 'were')

/** In the same transaction as the risks, which `context.publish` would not be: nobody hears of what was rolled back. */
async function announce(payload: object, { sequelize, publish }: SeedContext, transaction: Transaction): Promise<void> {
  // Other hosts have nobody to tell.
  if (!publish) return
  await sequelize.query('SELECT tenon_api.publish(:name, CAST(:payload AS jsonb))', {
    replacements: { name: 'risk.imported', payload: JSON.stringify(payload) },
    transaction,
  })
}
