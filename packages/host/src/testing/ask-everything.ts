import type * as z from 'zod'
import type { Endpoint } from '../http/endpoint.js'
import { endpointTable } from './endpoint-table.js'

/** An answer of one endpoint that reads. */
export interface Read {
  /** As the table of endpoints writes it. */
  path: string
  address: string
  status: number
  text: string
}

interface Reader {
  url: string
  /** What a parameter of a path may stand for, by the part of the path up to it, such as `/runs/:id`. */
  parameters: Readonly<Record<string, readonly (string | number)[]>>
  /** What endpoints need to be asked, by their path. */
  queries: Readonly<Record<string, string>>
}

/** How long a stream is read when nothing comes, and once something has come. */
const streamMs = { silent: 1_000, speaking: 300 }

/**
 * Asks every GET endpoint of the table, as an admin who is an operator, once for each thing that its path can name.
 *
 * @throws when the table has an endpoint whose parameters nobody knows
 */
export async function askEverything(reader: Reader): Promise<Read[]> {
  const reads: Read[] = []
  for (const endpoint of endpointTable().filter(({ method }) => method === 'get')) {
    for (const path of addressesOf(endpoint.path, reader.parameters)) {
      const query = [pagesOf(endpoint), reader.queries[endpoint.path] ?? ''].filter(Boolean).join('&')
      const address = query === '' ? path : `${path}?${query}`
      reads.push({ path: endpoint.path, address, ...(await read(`${reader.url}/api/plugins${address}`)) })
    }
  }
  return reads
}

function addressesOf(path: string, parameters: Reader['parameters']): string[] {
  const end = /:\w+/.exec(path)
  if (!end) return [path]
  const known = path.slice(0, end.index + end[0].length)
  const values = parameters[known]
  if (!values || values.length === 0) throw new Error(`nobody knows what ${known} may stand for`)
  return values.flatMap((value) => addressesOf(path.replace(end[0], String(value)), parameters))
}

/** Where answers have pages, the largest is asked for. */
function pagesOf({ query }: Endpoint): string {
  return query && 'shape' in query && 'pageSize' in (query as z.ZodObject).shape ? 'pageSize=200' : ''
}

async function read(url: string): Promise<{ status: number; text: string }> {
  const controller = new AbortController()
  const headers = { 'x-test-user': 'Admin:1:1:session of the test:true', 'last-event-id': '1' }
  const response = await fetch(url, { headers, signal: controller.signal })
  if (!response.headers.get('content-type')?.startsWith('text/event-stream'))
    return { status: response.status, text: Buffer.from(await response.arrayBuffer()).toString('latin1') }
  let text = ''
  setTimeout(() => controller.abort(), streamMs.silent)
  const decoder = new TextDecoder()
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true })
      if (text.includes('data:')) setTimeout(() => controller.abort(), streamMs.speaking)
    }
  } catch (error) {
    if (!controller.signal.aborted) throw error
  }
  return { status: response.status, text }
}
