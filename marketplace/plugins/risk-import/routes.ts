import type { RouteRequest, RouteResult, Router, UploadedFile } from '@tenon/sdk'
import { createHash } from 'node:crypto'
import { buildCorrections } from './corrections'
import { FileError } from './file-error'
import { listImports, undoImport } from './import-history'
import { checkSheet, createJudge, type ImportOptions, importSheet, type Rows, sheetRowsOf } from './import-risks'
import { readPeople } from './people'
import { readFile } from './read-file'
import { buildTemplate } from './template'

const CONTENT_TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'

/** Below `/api/plugins/risk-import`. */
export const router: Router = {
  'GET /template': async (request) => {
    const people = await readPeople(request, { organizationId: request.organizationId })
    return workbook('risk_import_template.xlsx', await buildTemplate({ people }))
  },

  'POST /check': (request) =>
    withRows(request, async ({ rows, options, file }) => ({
      data: { ...(await checkSheet(rows, request.tenantId, request, options)), ...file },
    })),

  'POST /import': (request) =>
    withRows(request, async ({ rows, options, file }) => ({
      data: { ...(await importSheet(rows, request.tenantId, request, options)), ...file },
    })),

  /** The same rows as a workbook, with the mistakes marked where they are, and said in the last column. */
  'POST /corrections': (request) =>
    withRows(request, async ({ rows, options }) => {
      const people = await readPeople(request, { organizationId: request.organizationId })
      const judge = await createJudge(request.tenantId, request, options)
      return workbook('risk_import_corrections.xlsx', await buildCorrections(rows, judge, people))
    }),

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
async function openUpload({ file, body, query = {} }: RouteRequest): Promise<Upload> {
  const fields: Record<string, unknown> = { ...query, ...(typeof body === 'object' ? body : {}) }
  if (file) return openUploadedFile(file, fields)
  const { csvData, fileName } = fields
  if (!Array.isArray(csvData)) throw new FileError('CSV data is required and must be an array')
  const named = typeof fileName === 'string' ? { fileName: fileName.slice(0, 255) } : {}
  return { rows: sheetRowsOf(csvData), options: { ...choicesIn(fields), ...named }, file: named }
}

async function openUploadedFile(file: UploadedFile, fields: Record<string, unknown>): Promise<Upload> {
  const { rows, ignoredColumns } = await readFile(file)
  const fileName = file.originalname.slice(0, 255)
  const fileDigest = createHash('sha256').update(file.buffer).digest('hex')
  return { rows, options: { ...choicesIn(fields), fileName, fileDigest }, file: { fileName, ignoredColumns } }
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
