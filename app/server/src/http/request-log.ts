import { randomUUID } from 'node:crypto'
import type { Principal } from '@tenon/contract'
import type { RequestHandler } from 'express'
import type { Logger } from 'pino'

/** An id that a proxy gave is kept, as long as it cannot forge a line of the log. */
const acceptableId = /^[\w.-]{8,100}$/

/** Gives every request an id, `X-Request-Id`, and writes one line when it was answered: no query, no body, no headers. */
export function logRequests(log: Logger): RequestHandler {
  return (req, res, next) => {
    const startedAt = process.hrtime.bigint()
    const given = req.headers['x-request-id']
    const requestId = typeof given === 'string' && acceptableId.test(given) ? given : randomUUID()
    Object.assign(req, { id: requestId })
    res.setHeader('X-Request-Id', requestId)
    // Read now, because routers change req.url while they are at work.
    const { method, path } = req
    res.on('close', () => {
      const principal = res.locals['principal'] as Principal | undefined
      const durationMs = Number(process.hrtime.bigint() - startedAt) / 1e6
      const fields = { requestId, method, path, status: res.statusCode, durationMs: Math.round(durationMs * 10) / 10 }
      const who = principal && { userId: principal.userId, organizationId: principal.organizationId }
      log.info({ ...fields, ...who, ...(res.writableFinished ? {} : { aborted: true }) }, 'request')
    })
    next()
  }
}
