import { startTestApp } from './test-app.js'

/**
 * The application in a process of its own, for tests that kill it. Takes the options of the test as JSON, and says where
 * it listens.
 */
const options = JSON.parse(process.argv[2] ?? '{}') as Parameters<typeof startTestApp>[0]
const { start, url } = await startTestApp(options)
await start()
process.stdout.write(`${url}\n`)
