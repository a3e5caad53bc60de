import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { createServer } from 'node:tls'
import { parseAllowPrivate, parseHostMap } from '@tenon/host'
import { createCertificate, startMlflowStandin, startSlackStandin } from '@tenon/standins'
import type { Settings } from '../env.js'
import { hostDirectory } from './host-directory.js'

/** A service to try a plugin with, as the client shows it. */
export interface SampleService {
  pluginKey: string
  title: string
  description: string
  /** Fills the plugin's configuration. */
  configuration?: Record<string, unknown>
  /** A page of the service itself, to see what arrived there. */
  page?: { title: string; url: string }
}

export interface SampleServices {
  /** The settings with everything in them that lets plugins reach the services. */
  settings: Settings
  offers: SampleService[]
  close(): Promise<void>
}

const trackingUser = { username: 'sample', password: 'sample-password' }
const chatClient = { clientId: 'sample-client', clientSecret: 'sample-client-secret' }
const chatPlugin = 'slack'
const chatNames = ['slack.com', 'hooks.slack.com'] as const

/**
 * Starts servers on this machine that speak the protocols of the outside services, for trying the product without
 * accounts anywhere. Slack's names lead to one of them only while no real Slack application is set up.
 */
export async function startSampleServices(settings: Settings): Promise<SampleServices> {
  const tracking = await startTracking(settings)
  const chat = settings.connections[chatPlugin]?.clientId ? undefined : await startChat(tracking.settings)
  return {
    settings: chat?.settings ?? tracking.settings,
    offers: [tracking.offer, ...(chat ? [chat.offer] : [])],
    async close() {
      await Promise.all([tracking.close(), chat?.close()])
    },
  }
}

async function startTracking(settings: Settings) {
  const server = await atPortOfLastTime(join(settings.dataDir, 'sample-tracking-port'), (port) =>
    startMlflowStandin({
      auth: { kind: 'basic', ...trackingUser },
      models: { registeredModels: 12, versionsPerModel: 4, experiments: 3, runs: 48 },
      port,
    }),
  )
  const { port } = new URL(server.url)
  const allowPrivate = [...settings.egress.allowPrivate, ...parseAllowPrivate(`127.0.0.1/32:${port}`)]
  const offer: SampleService = {
    pluginKey: 'mlflow',
    title: 'Sample tracking server',
    description: 'Twelve registered models with four versions each, behind a user name and a password.',
    configuration: { tracking_server_url: server.url, auth_method: 'basic', ...trackingUser },
  }
  return { offer, settings: { ...settings, egress: { ...settings.egress, allowPrivate } }, close: server.close }
}

/** Plugins were configured with its address, and tabs are open at it, so it is there again unless something else is by now. */
async function atPortOfLastTime<T extends { url: string }>(file: string, start: (port: number) => Promise<T>) {
  const kept = await readFile(file, 'utf8').catch(() => '0')
  const server = await start(Number(kept) || 0).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    return start(0)
  })
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, new URL(server.url).port)
  return server
}

async function startChat(settings: Settings) {
  const server = await atPortOfLastTime(join(settings.dataDir, 'sample-chat-port'), (port) =>
    startSlackStandin({
      ...chatClient,
      appName: 'Tenon',
      publicWebhookBase: 'https://hooks.slack.com',
      memoryFile: join(settings.dataDir, 'sample-chat.json'),
      port,
    }),
  )
  const front = await startTlsFront(new URL(server.url))
  const hostMap = parseHostMap(chatNames.map((name) => `${name}:443=127.0.0.1:${front.port}`).join(','))
  const extraCaFile = await writeAuthorities(settings, front.certificate)
  const offer: SampleService = {
    pluginKey: chatPlugin,
    title: 'Sample chat workspace',
    description: 'Agree to connect it as you would with the real one. What is sent there appears in its inbox.',
    page: { title: 'Open the inbox', url: `${server.url}/inbox` },
  }
  const connection = {
    ...chatClient,
    tokenUrl: 'https://slack.com/api/oauth.v2.access',
    authorizeUrl: `${server.url}/oauth/v2/authorize`,
    scopeSeparator: ',',
    audience: [...chatNames],
  }
  const egress = { ...settings.egress, hostMap: new Map([...settings.egress.hostMap, ...hostMap]), extraCaFile }
  return {
    offer,
    settings: { ...settings, connections: { ...settings.connections, [chatPlugin]: connection }, egress },
    close: () => Promise.all([front.close(), server.close()]),
  }
}

/** Plugins speak TLS with the service; people see its pages without, because browsers do not know its certificate. */
async function startTlsFront({ hostname, port }: URL) {
  const pair = await createCertificate([...chatNames])
  const front = createServer({ key: pair.key, cert: pair.certificate }, (socket) => {
    const inner = connect(Number(port), hostname)
    socket.on('error', () => inner.destroy())
    inner.on('error', () => socket.destroy())
    socket.pipe(inner).pipe(socket)
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  return {
    certificate: pair.certificate,
    port: (front.address() as AddressInfo).port,
    close: () => new Promise<void>((resolve) => void front.close(() => resolve())),
  }
}

/** The authorities that the operator set up, and the one of the sample. */
async function writeAuthorities({ dataDir, egress }: Settings, certificate: string): Promise<string> {
  const own = egress.extraCaFile === undefined ? '' : await readFile(egress.extraCaFile, 'utf8')
  const directory = await hostDirectory(dataDir)
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'sample-authorities.pem')
  await writeFile(file, `${own}\n${certificate}\n`)
  return file
}
