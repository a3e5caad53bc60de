/** Why the other side could not be read, for the person who can do something about it. */
export class ServiceError extends Error {}

/** How to reach the service. */
export interface Server {
  baseUrl: string
  token: string
  signal: AbortSignal | undefined
}

export interface ServiceRecord {
  id: string
  name: string
}

interface Page {
  records: ServiceRecord[]
  nextPage?: string
}

const TIMEOUT_MS = 30_000

export function readServer(config: Record<string, unknown>, signal?: AbortSignal): Server {
  return { baseUrl: String(config.server_url).replace(/\/+$/, ''), token: String(config.api_token), signal }
}

/** Every record, page after page. @throws ServiceError */
export async function* readPages(server: Server): AsyncGenerator<ServiceRecord[]> {
  let next: string | undefined = ''
  while (next !== undefined) {
    const { records, nextPage }: Page = await readPage(server, next)
    yield records
    // A server that names the same page again would be asked for ever.
    if (nextPage === next) throw new ServiceError('The server keeps sending the same page.')
    next = nextPage
  }
}

/** Asks for one page, to see whether the service answers. @throws ServiceError */
export async function countPages(server: Server): Promise<void> {
  await readPage(server, '')
}

async function readPage({ baseUrl, token, signal }: Server, page: string): Promise<Page> {
  const answer = await ask(`${baseUrl}/records?page=${encodeURIComponent(page)}`, token, signal)
  const text = (await answer.json().catch(() => undefined)) as Partial<Page> | undefined
  if (!Array.isArray(text?.records)) throw new ServiceError('The server did not answer with records.')
  return { records: text.records, ...(typeof text.nextPage === 'string' ? { nextPage: text.nextPage } : {}) }
}

async function ask(url: string, token: string, signal: AbortSignal | undefined): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  let answer: Response
  try {
    answer = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      // Credentials go to no other host than the one that was entered.
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
  } catch {
    signal?.throwIfAborted()
    throw new ServiceError('The server cannot be reached. Check its address.')
  }
  if (answer.status === 401 || answer.status === 403) throw new ServiceError('The server refused the API token.')
  if (!answer.ok) throw new ServiceError(`The server has a problem of its own (${answer.status}). Try again later.`)
  return answer
}
