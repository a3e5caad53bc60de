import { startEmbeddedPostgres } from '@tenon/embedded-postgres'
import { createPluginHost, hardenDatabase } from '@tenon/host'
import express from 'express'

// The application's own people, known by a key that its pages send with every request.
const people = new Map([
  ['admin', { userId: 1, organizationId: 7, role: 'Admin' }],
  ['reader', { userId: 2, organizationId: 7, role: 'Auditor' }],
])

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
await plugins.createTenant(7)
await plugins.start()

const app = express()
app.use('/backend/plugins', plugins.router)
app.use(express.static('dist'))
const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1')
server.once('listening', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`))

process.once('SIGTERM', async () => {
  server.closeAllConnections()
  server.close()
  await plugins.stop()
  await postgres.stop()
})
