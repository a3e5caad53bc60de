import type { RouteRequest, RouteResult, Router, UploadedFile } from '@tenon/sdk'
import type { SheetRow } from './check-rows'
import { FileError } from './file-error'
import { checkSheet, importSheet, sheetRowsOf } from './import-risks'
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
    withRows(request, async ({ rows, ...file }) => ({
      data: { ...(await checkSheet(rows, request.tenantId, request)), ...file },
    })),

  'POST /import': (request) =>
    withRows(request, async ({ rows, ...file }) => ({
      data: { ...(await importSheet(rows, request.tenantId, request, file.fileName)), ...file },
    })),

  /** The same rows as a workbook, with the mistakes marked where they are. */
  'POST /corrections': (request) =>
    withRows(request, async ({ rows }) => {
      const people = await readPeople(request, { organizationId: request.organizationId })
      const { errors } = await checkSheet(rows, request.tenantId, request)
      return workbook('risk_import_corrections.xlsx', await buildTemplate({ people, rows, mistakes: errors }))
    }),
}

interface Upload {
  rows: SheetRow[]
  fileName?: string
  ignoredColumns?: string[]
}

async function withRows(request: RouteRequest, answer: (upload: Upload) => Promise<RouteResult>): Promise<RouteResult> {
  try {
    return await answer(await readUpload(request))
  } catch (error) {
    if (error instanceof FileError) return { status: 400, data: error.message }
    throw error
  }
}

/** A file, or rows as JSON in `csvData`. */
async function readUpload({ file, body }: RouteRequest): Promise<Upload> {
  if (file) return readUploadedFile(file)
  const { csvData, fileName } = (body ?? {}) as { csvData?: unknown; fileName?: unknown }
  if (!Array.isArray(csvData)) throw new FileError('CSV data is required and must be an array')
  return { rows: sheetRowsOf(csvData), ...(typeof fileName === 'string' ? { fileName: fileName.slice(0, 255) } : {}) }
}

async function readUploadedFile(file: UploadedFile): Promise<Upload> {
  const { rows, ignoredColumns } = await readFile(file)
  return { rows, fileName: file.originalname.slice(0, 255), ignoredColumns }
}

function workbook(filename: string, buffer: Buffer): RouteResult {
  return { buffer, filename, contentType: CONTENT_TYPE }
}
