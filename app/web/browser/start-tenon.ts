import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog, parseSettings, type SampleService, startSampleServices, startServer } from '@tenon/app-server'

export interface Tenon {
  url: string
  samples: readonly SampleService[]
  /** Stops the server and starts it again on the same data, with other settings. */
  restart(environment: Record<string, string>): Promise<void>
  stop(): Promise<void>
}

/** The whole product as `npm start` runs it, sample services included, on free ports and a folder of its own. */
export async function startTenon(environment: Record<string, string> = {}): Promise<Tenon> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-web-'))
  // For the account that Postgres runs under when root runs the tests.
  await chmod(directory, 0o711)
  let running = await start(directory, environment)
  return {
    get url() {
      return running.url
    },
    get samples() {
      return running.samples
    },
    async restart(changed) {
      await running.stop()
      running = await start(directory, { ...environment, ...changed })
    },
    async stop() {
      await running.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function start(directory: string, environment: Record<string, string>) {
  const settings = parseSettings({
    PORT: '0',
    TENON_DATA_DIR: join(directory, 'data'),
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'fatal',
    INSTALL_LIMIT_PER_HOUR: '1000',
    OPERATOR_EMAILS: 'ada@acme.example',
    ...environment,
  })
  const samples = await startSampleServices(settings)
  const server = await startServer(samples.settings, { log: createLog(settings), samples: samples.offers })
  return {
    url: server.url,
    samples: samples.offers,
    async stop() {
      await server.stop()
      await samples.close()
    },
  }
}
