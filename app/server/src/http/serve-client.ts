import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import express, { type Express, type Request, type RequestHandler, type Response } from 'express'

/** In the built page, where the nonce of each answer goes. */
const noncePlaceholder = '__CSP_NONCE__'
const yearSeconds = 31_536_000
const encodings = [
  { name: 'br', suffix: '.br' },
  { name: 'gzip', suffix: '.gz' },
] as const

/**
 * Serves the built web client: its files compressed, as they were built, and kept by browsers for good, because their
 * names carry their hash; its page for every address that a person may open.
 *
 * @throws when `directory` does not hold a built client.
 */
export function serveClient(app: Express, directory: string): void {
  const page = readFileSync(join(directory, 'index.html'), 'utf8')
  const sendPage: RequestHandler = (_req, res) => {
    const nonce = randomBytes(16).toString('base64')
    res.setHeader('Content-Security-Policy', policyOf(nonce))
    res.setHeader('Cache-Control', 'no-store')
    res.type('html').send(page.replaceAll(noncePlaceholder, nonce))
  }
  app.use('/assets', preferCompressed, serveFiles(join(directory, 'assets')))
  // A file that is gone belongs to an older page; answering with the page would only hide that.
  app.use('/assets', (_req, res) => void res.status(404).type('text/plain').send('Not found'))
  app.get('/favicon.svg', (_req, res) => res.sendFile('favicon.svg', { root: directory, maxAge: '1d' }))
  app.get('/*path', (req, res, next) => (isForPeople(req) ? sendPage(req, res, next) : next()))
  app.get('/', sendPage)
}

/**
 * The page runs its own scripts only, and no text becomes one. Styles are in files, or carry the nonce of the answer:
 * the component kit writes its variables in an element of its own.
 */
function policyOf(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "connect-src 'self'",
    // Frames of plugins: what runs in them can leave for no other address, and take nothing there.
    "frame-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

function isForPeople(req: Request): boolean {
  return !req.path.startsWith('/api/') && req.path !== '/api' && req.accepts(['html', 'json']) === 'html'
}

/** Lets the static server find the compressed neighbour of a file that the browser can read. */
const preferCompressed: RequestHandler = (req, res, next) => {
  const encoding = encodings.find(({ name }) => req.acceptsEncodings(name))
  res.vary('Accept-Encoding')
  if (encoding && /\.(js|css|svg)$/.test(req.path)) {
    res.locals['type'] = req.path.slice(req.path.lastIndexOf('.'))
    res.locals['encoding'] = encoding.name
    req.url = req.path + encoding.suffix
  }
  next()
}

function serveFiles(directory: string): RequestHandler {
  return express.static(directory, {
    immutable: true,
    maxAge: yearSeconds * 1000,
    index: false,
    redirect: false,
    setHeaders(res) {
      const { type, encoding } = (res as Response).locals as { type?: string; encoding?: string }
      if (!type || !encoding) return
      ;(res as Response).type(type)
      res.setHeader('Content-Encoding', encoding)
    },
  })
}
