import { randomUUID } from 'node:crypto'
import { TenonError, envelope, errorAnswer, isTenonError, pluginKeySchema, type Principal } from '@tenon/contract'
import { verifyJsonBody } from '@tenon/contract/wire'
import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express'
import type { ZodType } from 'zod'
import { assertRole } from '../installations/route-invocation.js'
import type { PluginService } from '../installations/plugin-service.js'
import { callPluginRoute, type Uploads } from './call-plugin-route.js'
import type { Answer, Call, Endpoint } from './endpoint.js'
import { frameDocument, type FrameDocumentOptions } from './frame-document.js'
import { sendEvents } from './event-stream.js'
import type { CountInstall } from './install-limit.js'
import type { RequestLimits } from './request-limits.js'

interface RouterOptions {
  endpoints: readonly Endpoint[]
  service: PluginService
  uploads: Uploads
  limits: Pick<RequestLimits, 'maxBodyBytes' | 'streamRecheckMs'>
  frame: FrameDocumentOptions
  /** Who a request comes from. @throws TenonError NOT_AUTHENTICATED and the like */
  authenticate: (request: Request) => Promise<Principal>
  countInstall: CountInstall
  /** Somebody asked for what their role does not allow. */
  onDenied: (principal: Principal, what: string) => void
  log: (event: string, fields: Record<string, unknown>) => void
}

/** The Express router of everything below `/api/plugins`. */
export function createRouter({
  endpoints,
  service,
  uploads,
  limits,
  frame,
  authenticate,
  countInstall,
  onDenied,
  log,
}: RouterOptions): Router {
  const router = express.Router()
  const readJson = createJsonReader(limits.maxBodyBytes)
  const principals = new WeakMap<Request, Principal>()
  const principalOf = (request: Request): Principal => {
    const principal = principals.get(request)
    if (!principal) throw new TenonError('NOT_AUTHENTICATED')
    return principal
  }

  router.use(setRequestId)
  router.use(keepOutOfCaches)
  router.get('/frames/:token', frameDocument(frame))
  router.use(async (request, _response, next) => {
    principals.set(request, await authenticate(request))
    next()
  })
  for (const endpoint of endpoints) {
    router[endpoint.method](endpoint.path, async (request, response) => {
      const principal = principalOf(request)
      assertAllowed(endpoint, principal)
      if (endpoint.limited) await countInstall(request)
      // Only now: a body of somebody who may not send one is not worth reading.
      if (!endpoint.readsBodyLate) await readJson(request)
      const { call, end } = checkedCall(endpoint, request, principal, readJson)
      const answer = await endpoint.handle(call)
      if (!('events' in answer)) return sendAnswer(response, answer)
      const mayRead = () => isStill(principal, () => authenticate(request))
      await sendEvents(response, answer.events, { end, mayRead, recheckMs: limits.streamRecheckMs })
    })
  }
  router.all('/:key/*path', pluginRoute(callPluginRoute(service, uploads), principalOf, readJson))
  router.use((request: Request) => {
    throw new TenonError('ROUTE_NOT_FOUND', { method: request.method, path: request.originalUrl.split('?')[0] })
  })
  router.use(noteDenied((request) => principals.get(request), onDenied))
  router.use(answerErrors(log))
  return router
}

/** Whether a request still comes from whom it came from, with the same rights; true where that cannot be told just now. */
async function isStill(before: Principal, authenticate: () => Promise<Principal>): Promise<boolean> {
  try {
    const now = await authenticate()
    return (['userId', 'organizationId', 'role', 'isOperator'] as const).every((field) => now[field] === before[field])
  } catch (error) {
    return !(error instanceof TenonError) || error.status >= 500
  }
}

/** @throws what the body parser says: see errorAnswer */
type ReadJson = (request: Request) => Promise<unknown>

function createJsonReader(maxBodyBytes: number): ReadJson {
  const parseJson = express.json({ limit: maxBodyBytes, verify: verifyJsonBody })
  return (request) =>
    new Promise((resolve, reject) => {
      parseJson(request, request.res as Response, (error?: unknown) => {
        if (error === undefined) resolve(request.body as unknown)
        else reject(error as Error)
      })
    })
}

/** @throws TenonError ROLE_FORBIDDEN, OPERATOR_ONLY */
function assertAllowed({ role, operator = false }: Endpoint, principal: Principal): void {
  if (operator && !principal.isOperator) throw new TenonError('OPERATOR_ONLY')
  assertRole(principal.role, role)
}

const setRequestId: RequestHandler = (request, response, next) => {
  const existing = response.getHeader('x-request-id') ?? (request as { id?: unknown }).id
  response.setHeader('x-request-id', typeof existing === 'string' ? existing : randomUUID())
  next()
}

/** Every answer is for one person; what a plugin says instead of `no-store` is still only for that person. */
const keepOutOfCaches: RequestHandler = (_request, response, next) => {
  response.setHeader('cache-control', 'private, no-store')
  response.vary('Authorization, Cookie')
  next()
}

/** Everything below `/:key` that the table does not name is the plugin's. */
function pluginRoute(
  call: ReturnType<typeof callPluginRoute>,
  principalOf: (request: Request) => Principal,
  readJson: ReadJson,
): RequestHandler {
  return async (request, response) => {
    const { key, path } = request.params as unknown as { key: string; path: string[] }
    const { method, originalUrl } = request
    if (!pluginKeySchema.safeParse(key).success)
      throw new TenonError('ROUTE_NOT_FOUND', { method, path: originalUrl.split('?')[0] })
    const principal = principalOf(request)
    const answer = await call(
      {
        params: { key },
        query: request.query,
        body: undefined,
        readBody: () => readJson(request),
        principal,
        request,
        signal: abortWith(response).signal,
      },
      `/${path.map(encodeURIComponent).join('/')}`,
    )
    if (!('events' in answer)) sendAnswer(response, answer)
  }
}

/** @throws TenonError VALIDATION_FAILED with the first thing that is wrong, BODY_NOT_JSON */
function checkedCall(
  endpoint: Endpoint,
  request: Request,
  principal: Principal,
  readJson: ReadJson,
): { call: Call; end: () => void } {
  const isForm = Boolean(request.is('multipart/form-data'))
  if (isForm && !endpoint.takesFiles) throw new TenonError('BODY_NOT_JSON')
  const controller = abortWith(request.res as Response)
  const call = {
    params: check(endpoint.params, request.params) as Record<string, string>,
    query: check(endpoint.query, request.query),
    body: isForm || endpoint.readsBodyLate ? undefined : check(endpoint.body, request.body as unknown),
    readBody: async () => check(endpoint.body, await readJson(request)),
    principal,
    request,
    signal: controller.signal,
  }
  return { call, end: () => controller.abort() }
}

function check(schema: ZodType | undefined, value: unknown): unknown {
  if (!schema) return value
  const parsed = schema.safeParse(value ?? undefined)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(({ path, message }) => ({ field: path.map(String).join('.'), message }))
  const [first] = issues
  const named =
    first &&
    first.field !== '' &&
    !first.message.includes(first.field) &&
    /^(must|Invalid|Too|Unrecognized)/.test(first.message)
  const message = named ? `${first.field}: ${first.message}` : (first?.message ?? 'The request is not valid.')
  throw new TenonError('VALIDATION_FAILED', { message, problems: issues })
}

/** Fires when the caller goes away before the answer. */
function abortWith(response: Response): AbortController {
  const controller = new AbortController()
  response.on('close', () => response.writableFinished || controller.abort(new TenonError('CALL_CANCELLED')))
  return controller
}

function sendAnswer(response: Response, answer: Exclude<Answer, { events: unknown }>): void {
  const text = 'file' in answer ? undefined : jsonOf(envelope(answer.status, answer.data))
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value)
  // What a plugin answers is never taken for a page of ours.
  response.setHeader('x-content-type-options', 'nosniff')
  if (!('file' in answer)) {
    response.status(answer.status).type('application/json').send(text)
    return
  }
  const { content, filename, contentType } = answer.file
  response.status(answer.status)
  response.setHeader('content-security-policy', "default-src 'none'; sandbox")
  response.setHeader(
    'content-disposition',
    `attachment; filename="${filename.replace(/[^\w .()-]/g, '_').slice(0, 200)}"`,
  )
  response.setHeader(
    'content-type',
    /^[\w.+-]+\/[\w.+-]+(; ?charset=[\w-]+)?$/.test(contentType) ? contentType : 'application/octet-stream',
  )
  response.end(Buffer.from(content.buffer, content.byteOffset, content.byteLength))
}

/** @throws TenonError PLUGIN_RESULT_INVALID for what JSON cannot say, which only a plugin can have put into an answer */
function jsonOf(body: unknown): string {
  try {
    return JSON.stringify(body)
  } catch (error) {
    const reason = 'its answer holds something that JSON cannot say'
    throw new TenonError('PLUGIN_RESULT_INVALID', { plugin: 'The plugin', reason }, { cause: error })
  }
}

/** Denied attempts are counted wherever they were denied. */
function noteDenied(
  principalOf: (request: Request) => Principal | undefined,
  onDenied: RouterOptions['onDenied'],
): ErrorRequestHandler {
  return (error: unknown, request, _response, next) => {
    const principal = principalOf(request)
    if (principal && (isTenonError(error, 'ROLE_FORBIDDEN') || isTenonError(error, 'OPERATOR_ONLY')))
      onDenied(principal, `${request.method} ${request.path}`)
    next(error)
  }
}

function answerErrors(log: RouterOptions['log']): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error)
    const requestId = String(response.getHeader('x-request-id'))
    const { status, body } = errorAnswer(error, requestId)
    if (status >= 500) {
      const cause = error instanceof Error ? (error.stack ?? error.message) : String(error)
      log('request-failed', {
        requestId,
        code: body.code,
        method: request.method,
        path: request.baseUrl + request.path,
        cause,
      })
    }
    const seconds = (body['details'] as { seconds?: unknown } | undefined)?.seconds
    if (status === 429 && typeof seconds === 'number') response.setHeader('retry-after', String(seconds))
    response.status(status).json(body)
  }
}
