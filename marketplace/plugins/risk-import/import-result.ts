import type { RowError } from './check-rows'

/** What an import answers. */
export interface ImportResult {
  success: boolean
  imported: number
  /** Rows that were not imported; all of them, when one is wrong and the import is all or nothing. */
  failed: number
  /** Rows that still hold the example of the template. */
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

/** What a check answers, which imports nothing. */
export interface CheckResult extends ImportResult {
  /** Rows without a mistake. */
  valid: number
  /** Rows that an import with the same choices would bring; 0 when one mistake keeps all of them out. */
  importable: number
  /** The first rows as they would be stored, in the words of the sheet. */
  preview: Record<string, unknown>[]
}
