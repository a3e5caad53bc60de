import { PluginAnsweredError } from '../installations/plugin-answered-error.js'
import type { PluginService } from '../installations/plugin-service.js'
import type { RouteRequest } from '../installations/route-request.js'
import type { RouteAnswer } from '../runtime/index.js'
import type { UploadStore } from '../uploads/index.js'
import type { Answer, Call } from './endpoint.js'
import { asksForAsync } from './prefer.js'
import { announcedBytes, type FormLimits, readForm } from './upload.js'

/** Where the files of forms go. */
export interface Uploads {
  store: Pick<UploadStore, 'begin' | 'release'>
  limits: FormLimits
}

/** Hands a request to the plugin. The least role of a route is the plugin's to raise, and checked where its report is known. */
export function callPluginRoute(service: PluginService, { store, limits }: Uploads) {
  return async (
    { params, principal, request, query, readBody, signal }: Call<{ key: string }, unknown, unknown>,
    path: string,
  ): Promise<Answer> => {
    let release = (): Promise<void> => Promise.resolve()
    let isHeld = false
    const isForm = Boolean(request.is('multipart/form-data'))
    const receive = async (): Promise<Pick<RouteRequest, 'body' | 'file'>> => {
      if (!isForm) {
        const body = await readBody()
        return body === undefined ? {} : { body }
      }
      const owner = { organizationId: principal.organizationId, pluginKey: params.key }
      const upload = await store.begin(owner, announcedBytes(request, limits))
      const form = await readForm(request, upload, limits).catch(async (error: unknown) => {
        await upload.abandon()
        throw error
      })
      if (form.file) release = () => store.release(owner, upload.id)
      else await upload.abandon()
      return { body: form.fields, ...(form.file ? { file: form.file } : {}) }
    }
    try {
      const answer = await service.callRoute(principal.tenantId, {
        pluginKey: params.key,
        userId: principal.userId,
        role: principal.role,
        method: request.method,
        path,
        query: query as Record<string, unknown>,
        signal,
        receive,
        respondAsync: asksForAsync(request),
        isHeld: () => void (isHeld = true),
      })
      return toAnswer(answer)
    } finally {
      if (!isHeld) await release().catch(() => undefined)
    }
  }
}

function toAnswer({ status, data, buffer, filename, contentType, headers }: RouteAnswer): Answer {
  if (status >= 400) throw new PluginAnsweredError(status, data)
  const safeHeaders = headersOf(headers)
  if (!buffer) return { status, data: data ?? null, headers: safeHeaders }
  return {
    status,
    headers: safeHeaders,
    file: { content: buffer, filename: filename ?? 'download', contentType: contentType ?? 'application/octet-stream' },
  }
}

/** What a plugin may say of caches; everything else stays the host's `private, no-store`. */
const privateCache = /^private, ?max-age=\d{1,8}$/i
const passedHeaders = new Set(['content-language', 'etag', 'last-modified', 'retry-after'])

/** A plugin's text on our origin: only headers that cannot set cookies, open the page to others, or redirect. */
function headersOf(headers: RouteAnswer['headers'] = {}): Record<string, string> {
  const passed = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), String(value)] as const)
    .filter(
      ([name, value]) =>
        (passedHeaders.has(name) && /^[\x20-\x7e]*$/.test(value)) ||
        (name === 'cache-control' && privateCache.test(value)),
    )
  return Object.fromEntries(passed)
}
