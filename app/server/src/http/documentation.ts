import type { Express } from 'express'
import swaggerUi from 'swagger-ui-express'

/** The document at `/api/openapi.json`, and a page to browse it at `/api/docs`, which loads nothing from elsewhere. */
export function serveDocumentation(app: Express, document: object): void {
  app.get('/api/openapi.json', (_req, res) => void res.json(document))
  // Its files are addressed relative to the page, so the page needs the slash.
  app.get('/api/docs', (req, res, next) => (req.path.endsWith('/') ? next() : res.redirect(308, '/api/docs/')))
  app.use(
    '/api/docs',
    swaggerUi.serve,
    swaggerUi.setup(undefined, {
      customSiteTitle: 'Tenon API',
      swaggerOptions: { url: '/api/openapi.json', validatorUrl: null },
    }),
  )
}
