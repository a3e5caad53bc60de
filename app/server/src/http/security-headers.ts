import type { RequestHandler } from 'express'

// The API's own documentation page sets styles inline; nothing sets scripts inline.
const contentSecurityPolicy = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

const halfAYearSeconds = 15_552_000

/** Headers that keep a browser from guessing types, framing pages, leaking addresses or loading foreign code. */
export function securityHeaders({ https }: { https: boolean }): RequestHandler {
  return (req, res, next) => {
    res.setHeader('X-Content-Type-Options', 'nosniff')
    res.setHeader('X-Frame-Options', 'DENY')
    res.setHeader('Referrer-Policy', 'no-referrer')
    res.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
    res.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
    res.setHeader('Content-Security-Policy', contentSecurityPolicy)
    if (https) res.setHeader('Strict-Transport-Security', `max-age=${halfAYearSeconds}`)
    if (req.path.startsWith('/api/')) res.setHeader('Cache-Control', 'no-store')
    next()
  }
}
