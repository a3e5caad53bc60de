import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { errorAnswer, TenonError } from '@tenon/contract'
import type { Settings } from '../env.js'
import { StartError } from './start-error.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

export interface Listener {
  /** Where it listens, as a browser on this machine writes it. */
  url: string
  /** From now on requests go here; before, they are answered with 503. */
  serve(handler: Handler): void
  /** Takes no new requests, waits for those at work, at most `graceMs`, and cuts the rest. */
  close(graceMs: number): Promise<void>
}

/**
 * Takes the port first of all, so that a second server fails before it touches anything, and so that whoever asks
 * while the database is brought up to date gets an answer.
 *
 * @throws StartError when the port cannot be had.
 */
export async function listen({ port, host }: Pick<Settings, 'port' | 'host'>): Promise<Listener> {
  let handler: Handler = refuse(new TenonError('NOT_READY', { reason: 'it is starting' }))
  let closing = false
  const server = createServer((req, res) => {
    // A connection that is kept alive would hold up the stop for seconds after its last answer.
    res.on('close', () => closing && setImmediate(() => server.closeIdleConnections()))
    handler(req, res)
  })
  await bind(server, port, host)
  return {
    url: addressOf(server, host),
    serve(next) {
      handler = next
    },
    async close(graceMs) {
      closing = true
      handler = refuse(new TenonError('SHUTTING_DOWN'))
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      const cut = setTimeout(() => server.closeAllConnections(), graceMs)
      await closed
      clearTimeout(cut)
    },
  }
}

function refuse(error: TenonError): Handler {
  return (_req, res) => {
    const { status, body } = errorAnswer(error, '')
    res.writeHead(status, { 'content-type': 'application/json', connection: 'close', 'retry-after': '1' })
    res.end(JSON.stringify(body))
  }
}

function bind(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, port, host)))
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}

function explain(error: NodeJS.ErrnoException, port: number, host: string): Error {
  const problems: Record<string, string> = {
    EADDRINUSE: `Port ${port} of ${host} is in use. Stop what uses it, or set PORT.`,
    EACCES: `Port ${port} may not be used by this account. Set PORT to one above 1023.`,
    EADDRNOTAVAIL: `This machine does not have the address ${host}. Set HOST.`,
    ENOTFOUND: `This machine does not know the name ${host}. Set HOST.`,
  }
  const problem = problems[error.code ?? '']
  return problem ? new StartError(problem, { cause: error }) : error
}

function addressOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}
