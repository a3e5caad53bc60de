import { errorAnswer, TenonError } from '@tenon/contract'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import type { Logger } from 'pino'

/** Answers whatever no route answered. */
export const routeNotFound: RequestHandler = (req) => {
  throw new TenonError('ROUTE_NOT_FOUND', { method: req.method, path: req.baseUrl + req.path })
}

/** The one place where an error becomes an answer. What nobody expected is logged in full and told in one sentence. */
export function answerErrors(log: Logger): ErrorRequestHandler {
  return (thrown: unknown, _req, res, next) => {
    const requestId = String(res.getHeader('X-Request-Id'))
    const { status, body } = errorAnswer(thrown, requestId)
    if (status >= 500) log.error({ requestId, code: body.code, err: thrown }, 'request failed')
    if (res.headersSent) return next(thrown)
    const seconds = thrown instanceof TenonError ? thrown.details['seconds'] : undefined
    if (status === 429 && typeof seconds === 'number') res.setHeader('Retry-After', seconds)
    res.status(status).json(body)
  }
}
