import { startEmbeddedPostgres } from '@tenon/embedded-postgres'
import { createPluginHost, hardenDatabase } from '@tenon/host'
import express from 'express'

// Who somebody is, is the application's business. This one knows three people by their keys.
const people = new Map([
  ['admin-of-7', { userId: 1, organizationId: 7, role: 'Admin' }],
  ['reader-of-7', { userId: 2, organizationId: 7, role: 'Auditor' }],
  ['admin-of-8', { userId: 3, organizationId: 8, role: 'Admin' }],
])

// A Postgres that comes along; hardened, it refuses by itself what plugins may not do.
const postgres = await startEmbeddedPostgres({
  dataDir: process.env.DATA_DIR ?? '.tenon/postgres',
  prepare: (superuser) => hardenDatabase(superuser, { hostRole: 'tenon_host' }),
})
const plugins = await createPluginHost({
  database: { connection: postgres.connection },
  marketplace: { location: 'marketplace/plugins.json' },
  secretKeys: [process.env.SECRET_KEY ?? 'only for trying it out'],
  authenticate: (request) => people.get(request.get('x-api-key')),
})
for (const organizationId of [7, 8]) await plugins.createTenant(organizationId)
await plugins.start()

const app = express()
app.get('/', (_request, response) => response.send('The application itself'))
app.use('/api/plugins', plugins.router)
const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1')
server.once('listening', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`))

process.once('SIGTERM', async () => {
  server.close()
  await plugins.stop()
  await postgres.stop()
})
