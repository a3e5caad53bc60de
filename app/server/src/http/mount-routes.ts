import { envelope, type Principal, roleAllows, TenonError, ValidationException } from '@tenon/contract'
import { verifyJsonBody } from '@tenon/contract/wire'
import express, { type Express, type Request, type RequestHandler } from 'express'
import type { ZodType } from 'zod'
import { validationFailed } from './validation-failed.js'
import type { Access, Route } from './route.js'

/** Largest JSON body that is read (S83). */
const maxBodyBytes = 10_000_000

interface MountOptions {
  authenticate: (req: Request) => Promise<Principal>
  /** The token that a request carries. */
  tokenOf: (req: Request) => string | undefined
}

/** Puts the routes on the application. A body is read only after the caller is known and allowed. */
export function mountRoutes(app: Express, routes: readonly Route[], { authenticate, tokenOf }: MountOptions): void {
  const readJson = express.json({ limit: maxBodyBytes, strict: false, verify: verifyJsonBody })
  for (const route of routes) {
    const reading: RequestHandler[] = route.body ? [requireJson, readJson] : []
    app[route.method](route.path, admit(route.access, authenticate), ...reading, answer(route, tokenOf))
  }
}

function admit(access: Access, authenticate: MountOptions['authenticate']): RequestHandler {
  return async (req, res, next) => {
    if (access !== 'anybody') {
      const principal = await authenticate(req)
      res.locals['principal'] = principal
      if (!roleAllows(principal.role, access)) {
        throw new TenonError('ROLE_FORBIDDEN', { needed: access, role: principal.role })
      }
    }
    next()
  }
}

/** Without it a form of another site, which may send text/plain unasked, could post JSON. */
const requireJson: RequestHandler = (req, _res, next) => {
  if (req.headers['content-length'] === '0' || req.is('application/json') || !hasBody(req)) return next()
  throw new ValidationException('The body must be JSON, with the header Content-Type: application/json')
}

function hasBody(req: Request): boolean {
  return req.headers['transfer-encoding'] !== undefined || req.headers['content-length'] !== undefined
}

function answer(route: Route, tokenOf: MountOptions['tokenOf']): RequestHandler {
  const status = route.status ?? 200
  return async (req, res) => {
    const result = await route.handle({
      principal: res.locals['principal'] as Principal | undefined,
      params: parse(route.params, req.params),
      query: parse(route.query, req.query),
      body: parse(route.body, req.body),
      address: req.ip ?? '',
      token: tokenOf(req),
      setCookie: (cookie) => void res.append('Set-Cookie', cookie),
    })
    res.status(status).json(envelope(status, route.answer.parse(result)))
  }
}

function parse(schema: ZodType | undefined, value: unknown): unknown {
  if (!schema) return undefined
  const result = schema.safeParse(value ?? {})
  if (!result.success) throw validationFailed(result.error)
  return result.data
}
