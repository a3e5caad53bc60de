import { entriesOf } from './addresses.js'

/** For demonstrations and tests: where `host:port` really leads. Its targets may be private addresses. */
export type HostMap = ReadonlyMap<string, { host: string; port: number }>

/**
 * Reads a setting such as `slack.com:443=127.0.0.1:4711,hooks.slack.com=127.0.0.1:4711`; the first port is 443 when absent.
 * @throws Error that names the entry which is not understood.
 */
export function parseHostMap(setting: string | undefined): HostMap {
  return new Map(entriesOf(setting).map(parseEntry))
}

function parseEntry(entry: string): [string, { host: string; port: number }] {
  const [, name, namePort = '443', host, port] = /^([^:=\s]+)(?::(\d+))?=(\[[^\]]+\]|[^:=\s]+):(\d+)$/.exec(entry) ?? []
  if (!name || !host || !isPort(namePort) || !isPort(port)) {
    throw new Error(`"${entry}" is not an entry of a host map. Write it like slack.com:443=127.0.0.1:4711.`)
  }
  return [`${name.toLowerCase()}:${Number(namePort)}`, { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }]
}

function isPort(text: string | undefined): boolean {
  const port = Number(text)
  return port >= 1 && port <= 65_535
}
