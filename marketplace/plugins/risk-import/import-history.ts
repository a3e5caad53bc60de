import type { SeedContext, Sequelize, Transaction } from '@tenon/sdk'
import type { ImportResult } from './import-result'
import { UNDO_DAYS } from './import-limits'
import { tableOf } from './risk-table'

/** An import that brought risks, newest first in lists. */
export interface PastImport {
  id: string
  fileName: string | null
  imported: number
  importedAt: Date
  importedBy: number | null
  undoneAt: Date | null
  /** ISO 8601; until then it can be taken back. */
  undoUntil: string
}

const PASTS_IN_LIST = 100
const columns = 'id, file_name, imported, imported_at, imported_by, undone_at'
const table = (tenantId: string): string => tableOf(tenantId, 'risk_imports')

export async function createHistory(sequelize: Sequelize, tenantId: string): Promise<void> {
  await sequelize.query(`
    CREATE TABLE IF NOT EXISTS ${table(tenantId)} (
      id uuid PRIMARY KEY,
      file_name text,
      file_digest text,
      imported integer NOT NULL,
      imported_by integer,
      imported_at timestamptz NOT NULL DEFAULT now(),
      undone_at timestamptz
    )`)
  await sequelize.query(`ALTER TABLE ${table(tenantId)} ADD COLUMN IF NOT EXISTS result jsonb`)
}

export async function dropHistory(sequelize: Sequelize, tenantId: string): Promise<void> {
  await sequelize.query(`DROP TABLE IF EXISTS ${table(tenantId)}`)
}

/** As part of the transaction that adds the risks. */
export async function recordImport(
  { sequelize, userId }: SeedContext,
  tenantId: string,
  made: { result: ImportResult; fileName?: string; fileDigest?: string },
  transaction: Transaction,
): Promise<void> {
  await sequelize.query(
    `INSERT INTO ${table(tenantId)} (id, file_name, file_digest, imported, imported_by, result)
     VALUES (CAST(:importId AS uuid), :fileName, :fileDigest, :imported, :userId, CAST(:result AS jsonb))`,
    {
      replacements: {
        importId: made.result.importId,
        imported: made.result.imported,
        result: JSON.stringify(made.result),
        fileName: made.fileName ?? null,
        fileDigest: made.fileDigest ?? null,
        userId: userId ?? null,
      },
      transaction,
    },
  )
}

/** What came of the import with this id, if it was made. */
export async function findResult(
  { sequelize }: SeedContext,
  tenantId: string,
  importId: string,
): Promise<ImportResult | undefined> {
  const [made] = await sequelize.query<{ result: ImportResult | null }>(
    `SELECT result FROM ${table(tenantId)} WHERE id = CAST(:importId AS uuid)`,
    { replacements: { importId }, type: 'SELECT' },
  )
  return made?.result ?? undefined
}

/** The import that brought the very same file, unless it was taken back. */
export async function findSameFile(
  { sequelize }: SeedContext,
  tenantId: string,
  fileDigest: string,
): Promise<PastImport | undefined> {
  const found = await sequelize.query<StoredImport>(
    `SELECT ${columns} FROM ${table(tenantId)} WHERE file_digest = :fileDigest AND undone_at IS NULL
     ORDER BY imported_at DESC LIMIT 1`,
    { replacements: { fileDigest }, type: 'SELECT' },
  )
  return found[0] && toPastImport(found[0])
}

export async function listImports({ sequelize }: SeedContext, tenantId: string): Promise<PastImport[]> {
  const rows = await sequelize.query<StoredImport>(
    `SELECT ${columns} FROM ${table(tenantId)} ORDER BY imported_at DESC, id LIMIT ${PASTS_IN_LIST}`,
    { type: 'SELECT' },
  )
  return rows.map(toPastImport)
}

export type UndoResult =
  | { success: true; removed: number; kept: number; message: string }
  | { success: false; status: 404 | 409; message: string }

/**
 * Takes an import back. The host removes the risks, because a plugin may add risks but not remove any: those that nobody
 * has changed or linked since.
 */
export async function undoImport({ sequelize }: SeedContext, tenantId: string, importId: string): Promise<UndoResult> {
  return sequelize.transaction(async (transaction) => {
    // Whoever asks for the same at the same moment waits here, and is told then.
    const found = await sequelize.query<StoredImport>(
      `SELECT ${columns} FROM ${table(tenantId)} WHERE id::text = :importId FOR UPDATE`,
      { replacements: { importId }, type: 'SELECT', transaction },
    )
    const [past] = found.map(toPastImport)
    const refusal = whyNotUndone(past)
    if (refusal) return refusal
    const [answer] = await sequelize.query<{ removed: string; kept: string }>(
      'SELECT removed, kept FROM tenon_api.undo_import(CAST(:importId AS uuid))',
      { replacements: { importId }, transaction },
    )
    await sequelize.query(`UPDATE ${table(tenantId)} SET undone_at = now() WHERE id = CAST(:importId AS uuid)`, {
      replacements: { importId },
      transaction,
    })
    const { removed, kept } = answer[0] ?? { removed: '0', kept: '0' }
    return undone(Number(removed), Number(kept))
  })
}

function whyNotUndone(past: PastImport | undefined): UndoResult | undefined {
  if (!past) return { success: false, status: 404, message: 'There is no such import.' }
  if (past.undoneAt) return { success: false, status: 409, message: 'This import was taken back already.' }
  if (new Date(past.undoUntil) < new Date()) {
    return { success: false, status: 409, message: `An import can be taken back for ${UNDO_DAYS} days.` }
  }
  return undefined
}

function undone(removed: number, kept: number): UndoResult {
  const stays = kept === 0 ? '' : ` ${kept} that somebody has changed or linked since stay in the register.`
  const message = `${removed} ${removed === 1 ? 'risk was' : 'risks were'} removed.${stays}`
  return { success: true, removed, kept, message }
}

interface StoredImport {
  id: string
  file_name: string | null
  imported: number
  imported_at: Date
  imported_by: number | null
  undone_at: Date | null
}

const DAY_MS = 86_400_000

function toPastImport(row: StoredImport): PastImport {
  return {
    id: row.id,
    fileName: row.file_name,
    imported: row.imported,
    importedAt: row.imported_at,
    importedBy: row.imported_by,
    undoneAt: row.undone_at,
    undoUntil: new Date(row.imported_at.getTime() + UNDO_DAYS * DAY_MS).toISOString(),
  }
}
