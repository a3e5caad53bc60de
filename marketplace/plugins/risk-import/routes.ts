import type { RouteDeclaration, RouteHandler, RouteRequest, RouteResult, Router } from '@tenon/sdk'
import { cleanText, startOf } from './cell-text'
import { buildCorrections } from './corrections'
import { FileError } from './file-error'
import { listImports, undoImport } from './import-history'
import { checkSheet, createJudge, type ImportOptions, importSheet, type Rows, sheetRowsOf } from './import-risks'
import { readPeople } from './people'
import { readFile } from './read-file'
import { type SentFile, sentFile } from './sent-file'
import { buildTemplate } from './template'

/** Files may have more rows than fit into memory beside what is made of them. */
const inPieces = (handler: RouteHandler): RouteDeclaration => ({ file: 'pieces', handler })

const CONTENT_TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'

/** Below `/api/plugins/risk-import`. */
export const router: Router = {
  'GET /template': async (request) => {
    const people = await readPeople(request, { organizationId: request.organizationId })
    return workbook('risk_import_template.xlsx', await buildTemplate({ people }))
  },

  'POST /check': inPieces((request) =>
    withRows(request, async ({ rows, options, file }) => ({
      data: { ...(await checkSheet(rows, request.tenantId, request, options)), ...file },
    })),
  ),

  'POST /import': inPieces((request) =>
    withRows(request, async ({ rows, options, file }) => ({
      data: { ...(await importSheet(rows, request.tenantId, request, options)), ...file },
    })),
  ),

  /** The same rows as a workbook, with the mistakes marked where they are, and said in the last column. */
  'POST /corrections': inPieces((request) =>
    withRows(request, async ({ rows, options }) => {
      const people = await readPeople(request, { organizationId: request.organizationId })
      const judge = await createJudge(request.tenantId, request, options)
      return workbook('risk_import_corrections.xlsx', await buildCorrections(rows, judge, people))
    }),
  ),

  'GET /imports': async (request) => ({ data: await listImports(request, request.tenantId) }),

  'POST /undo': async (request) => {
    const { importId } = (request.body ?? {}) as { importId?: unknown }
    if (typeof importId !== 'string' || importId === '') return { status: 400, data: 'importId is required' }
    const result = await undoImport(request, request.tenantId, importId.toLowerCase())
    return result.success ? { data: result } : { status: result.status, data: result.message }
  },
}

interface Upload {
  rows: Rows
  options: ImportOptions
  /** What the answer repeats of the file. */
  file: { fileName?: string; ignoredColumns?: string[] }
}

async function withRows(request: RouteRequest, answer: (upload: Upload) => Promise<RouteResult>): Promise<RouteResult> {
  try {
    return await answer(await openUpload(request))
  } catch (error) {
    if (error instanceof FileError) return { status: 400, data: error.message }
    throw error
  }
}

/** A file, or rows as JSON in `csvData`. */
async function openUpload({ file, body, query = {}, uploads }: RouteRequest): Promise<Upload> {
  const fields: Record<string, unknown> = { ...query, ...(typeof body === 'object' ? body : {}) }
  if (file) return openSentFile(sentFile(file, uploads), fields)
  const { csvData, fileName } = fields
  if (!Array.isArray(csvData)) throw new FileError('CSV data is required and must be an array')
  const named = typeof fileName === 'string' ? { fileName: keptName(fileName) } : {}
  return { rows: sheetRowsOf(csvData), options: { ...choicesIn(fields), ...named }, file: named }
}

async function openSentFile(file: SentFile, fields: Record<string, unknown>): Promise<Upload> {
  const { rows, ignoredColumns, digest: fileDigest } = await readFile(file)
  const fileName = keptName(file.name)
  return { rows, options: { ...choicesIn(fields), fileName, fileDigest }, file: { fileName, ignoredColumns } }
}

/** As the history and the event of an import hold it. */
function keptName(fileName: string): string {
  return startOf(cleanText(fileName), 255)
}

/** @throws FileError for a choice that does not exist: it must not become the other one. */
function choicesIn({ mode = 'all', duplicates = 'refuse' }: Record<string, unknown>): ImportOptions {
  if (mode !== 'all' && mode !== 'good') throw new FileError('mode must be "all" or "good".')
  if (duplicates !== 'refuse' && duplicates !== 'import') {
    throw new FileError('duplicates must be "refuse" or "import".')
  }
  return { mode, duplicates }
}

function workbook(filename: string, buffer: Buffer): RouteResult {
  return { buffer, filename, contentType: CONTENT_TYPE }
}
