/** Why the other side could not be read, for the person who can do something about it. */
export class ServiceError extends Error {
  /** What the route answers: 422 for what somebody has to change; the others for what passes, which the host tries again. */
  readonly status: 422 | 429 | 502 | 503

  constructor(message: string, status: 422 | 429 | 502 | 503 = 422) {
    super(message)
    this.status = status
  }
}

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

/** A wrong name or certificate stays as it is until somebody changes it; these may go better in a moment. */
const PASSING = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|UND_ERR_\w+)$/

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
  const text = (await readJson(answer, signal)) as Partial<Page> | undefined
  if (!Array.isArray(text?.records)) throw new ServiceError('The server did not answer with records.')
  return { records: text.records, ...(typeof text.nextPage === 'string' ? { nextPage: text.nextPage } : {}) }
}

/** Undefined when it is not JSON. */
async function readJson(answer: Response, signal: AbortSignal | undefined): Promise<unknown> {
  const text = await answer.text().catch((error: unknown) => {
    throw networkError(error, signal)
  })
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

async function ask(url: string, token: string, signal: AbortSignal | undefined): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
    // Credentials go to no other host than the one that was entered.
    redirect: 'error',
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  }).catch((error: unknown) => {
    throw networkError(error, signal)
  })
  const { status } = answer
  if (status === 401 || status === 403) throw new ServiceError('The server refused the API token.')
  if (status === 429 || status >= 500) {
    const own = status === 429 || status === 503 ? status : 502
    throw new ServiceError(`The server cannot answer at the moment (${status}). Try again later.`, own)
  }
  if (!answer.ok) throw new ServiceError(`The server did not accept the request (${status}). Check its address.`)
  return answer
}

function networkError(error: unknown, signal: AbortSignal | undefined): ServiceError {
  signal?.throwIfAborted()
  const { name, cause } = error as Error
  const code = String((cause as { code?: unknown } | undefined)?.code)
  const passes = name === 'TimeoutError' || PASSING.test(code)
  return new ServiceError('The server cannot be reached. Check its address.', passes ? 502 : 422)
}
