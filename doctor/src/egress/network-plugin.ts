import type { GroundPlugin } from '../ground.js'
import type { PluginAttack } from './plugin-attacks.js'

/** A plugin that makes these attempts, each by its number. */
export function networkPlugin(
  key: string,
  attacks: readonly PluginAttack[],
  traps: { tcp: number; udp: number },
  permissions: Record<string, unknown> | undefined,
): GroundPlugin {
  const cases = attacks.map(({ code }, at) => `  async ${JSON.stringify(`case${at}`)}(): Promise<any> { ${code} },`)
  const configuration = { type: 'object', properties: { url: { type: 'string' } } }
  return {
    key,
    entry: { permissions, contributes: { configuration } },
    files: {
      'index.ts': `
// @ts-nocheck
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import tls from 'node:tls'
const TCP = ${traps.tcp}, UDP = ${traps.udp}
const told = (value: any) => String(value).slice(0, 300)
const viaFetch = async (url: any, init?: any) => told(await (await fetch(url, init)).text())
const viaHttp = (options: any): Promise<string> => new Promise((resolve, reject) => {
  const request = http.request(options, (answer: any) => { answer.resume(); resolve('status ' + answer.statusCode) })
  request.on('connect', () => resolve('connected')).on('error', reject).setTimeout(1500, () => request.destroy(new Error('silence')))
  request.end()
})
const viaSocket = (socket: any, event: string): Promise<string> => new Promise((resolve, reject) => {
  socket.on(event, () => { socket.destroy(); resolve('connected') }).on('error', reject)
  socket.setTimeout(1500, () => socket.destroy(new Error('silence')))
})
const viaNet = async (options: any) => viaSocket(net.connect(options), 'connect')
const viaTls = async (options: any) => viaSocket(tls.connect(options), 'secureConnect')
const viaHttp2 = (url: string): Promise<string> => new Promise((resolve, reject) => {
  const session = http2.connect(url)
  session.on('connect', () => { session.destroy(); resolve('connected') }).on('error', reject)
})
const cases: any = {
${cases.join('\n')}
}
export async function install() { return { success: true } }
export async function uninstall() { return { success: true } }
export const metadata = {}
export const router = {
  'POST /try': async ({ body }: any) => {
    try {
      return { data: { answer: told(await cases['case' + body.at]()) } }
    } catch (error: any) {
      const cause = error?.cause
      return { data: { error: told([error?.message, cause?.code, cause?.message].filter(Boolean).join(': ') || error) } }
    }
  },
}`,
    },
  }
}
