import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { startEmbeddedPostgres } from '@tenon/embedded-postgres'
import { createPluginHost, hardenDatabase } from '@tenon/host'
import express from 'express'

// The application's own people, known by a key that its pages send with every request.
const people = new Map([
  ['admin', { userId: 1, organizationId: 7, role: 'Admin' }],
  ['reader', { userId: 2, organizationId: 7, role: 'Auditor' }],
])

const app = express()
const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1')
await once(server, 'listening')
const publicUrl = `http://127.0.0.1:${server.address().port}`
const postOffice = process.env.POST_OFFICE_URL ?? 'https://post.example'

const postgres = await startEmbeddedPostgres({
  dataDir: process.env.DATA_DIR ?? '.tenon/postgres',
  prepare: (superuser) => hardenDatabase(superuser, { hostRole: 'tenon_host' }),
})
const plugins = await createPluginHost({
  database: { connection: postgres.connection },
  marketplace: { location: 'marketplace/plugins.json' },
  secretKeys: [process.env.SECRET_KEY ?? 'only for trying it out'],
  authenticate: (request) => people.get(request.get('x-api-key')),
  // Where plugins may connect accounts, as whom, and where people come back to: <publicUrl>/plugins/<key>/manage.
  publicUrl,
  grantable: {
    connections: {
      greeter: {
        clientId: 'orchard',
        clientSecret: 'only for trying it out',
        authorizeUrl: `${postOffice}/oauth/v2/authorize`,
        tokenUrl: `${postOffice}/api/oauth.v2.access`,
        audience: ['post.example'],
      },
    },
  },
})
await plugins.createTenant(7)
await plugins.start()

app.use('/backend/plugins', plugins.router)
// The strictest policy under which everything works: nothing is made of text, nothing comes from elsewhere.
const page = readFileSync('dist/index.html', 'utf8')
// One page, also where people come back to from a service.
app.get(['/', '/plugins/:key/manage'], (_request, response) => {
  const nonce = randomBytes(16).toString('base64')
  response.set(
    'content-security-policy',
    `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data: blob:; ` +
      "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'",
  )
  response.type('html').send(page.replace('{nonce}', nonce))
})
app.use(express.static('dist', { index: false }))
process.stdout.write(`${publicUrl}\n`)

process.once('SIGTERM', async () => {
  server.closeAllConnections()
  server.close()
  await plugins.stop()
  await postgres.stop()
})
