import { relative } from 'node:path'
import { parseSettings, type Settings, SettingsError } from './env.js'
import { type RunningServer, startServer } from './server.js'
import { createLog } from './start/log.js'
import { startSampleServices } from './start/sample-services.js'

/** `npm start`. Ends with exit code 1 and one clear sentence when the server cannot start. */
async function main(): Promise<void> {
  const settings = parseSettings(process.env)
  const log = createLog(settings)
  const samples = settings.sampleServices ? await startSampleServices(settings) : undefined
  const server = await startServer(samples?.settings ?? settings, { log, samples: samples?.offers ?? [] })
  greet(settings, server)
  const reason = await Promise.race([server.lost, untilSignal()])
  log.info({ reason }, 'stopping')
  await server.stop()
  await samples?.close()
  if (!['SIGINT', 'SIGTERM'].includes(reason)) throw new Error(reason)
}

function greet(settings: Settings, { url }: RunningServer): void {
  const database =
    settings.databaseUrl === undefined ? `its own, in ${relative('', settings.dataDir) || '.'}` : 'DATABASE_URL'
  process.stdout.write(
    [
      '',
      `  Tenon is ready at ${settings.publicUrl ?? url}`,
      `  API               ${url}/api/docs`,
      `  Data              ${settings.dataDir}`,
      `  Database          ${database}`,
      '  Ctrl+C stops it.',
      '',
      '',
    ].join('\n'),
  )
}

/** A second signal ends the process at once, because then the handler is gone. */
function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal))
  })
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`\n${error instanceof SettingsError ? message : `Tenon cannot go on: ${message}`}\n`)
  if (process.env['LOG_LEVEL'] === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`)
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    fail(error)
    process.exit(1)
  },
)
