/** A failed request of the demonstration, with what the server said. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

interface UploadedFile {
  name: string
  content: Uint8Array
}

export interface ApiClient {
  /** The token of whoever is signed in. */
  token: string | undefined
  /** The `data` of the answer. @throws ApiError from 400 on */
  call<Data>(method: string, path: string, body?: unknown): Promise<Data>
  /** Sends a file as a form. */
  upload<Data>(path: string, file: UploadedFile, headers?: Record<string, string>): Promise<Data>
  /** The body of a file. */
  download(path: string): Promise<Uint8Array>
}

/** What a person's browser would send to the server. */
export function createApiClient(baseUrl: string): ApiClient {
  const client: ApiClient = {
    token: undefined,
    call: async <Data>(method: string, path: string, body?: unknown) => {
      const json =
        body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      return (await dataOf(await send(path, { method, ...json }))) as Data
    },
    upload: async <Data>(path: string, { name, content }: UploadedFile, headers: Record<string, string> = {}) => {
      const form = new FormData()
      form.set('file', new Blob([new Uint8Array(content)]), name)
      return (await dataOf(await send(path, { method: 'POST', body: form, headers }))) as Data
    },
    async download(path) {
      const response = await send(path, {})
      if (!response.ok) await dataOf(response)
      return new Uint8Array(await response.arrayBuffer())
    },
  }
  return client

  function send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers)
    if (client.token !== undefined) headers.set('authorization', `Bearer ${client.token}`)
    return fetch(`${baseUrl}${path}`, { ...init, headers })
  }
}

async function dataOf(response: Response): Promise<unknown> {
  const body = (await response.json()) as { data?: unknown; error?: unknown }
  if (response.ok) return body.data
  const said = body.error ?? body.data
  throw new ApiError(response.status, typeof said === 'string' ? said : JSON.stringify(said))
}
