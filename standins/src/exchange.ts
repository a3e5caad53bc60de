import type { IncomingHttpHeaders, IncomingMessage, RequestListener } from 'node:http'

/** A request, read whole. */
export interface Asked {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** The body as it came. */
  readonly text: string
}

/** An answer, sent exactly so: no header is added but the length. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** `hang` never answers, `reset` drops the connection. */
export type Answer = Reply | 'hang' | 'reset'

const MAX_BODY_BYTES = 5 * 1024 * 1024

/** Lets a function from request to answer serve HTTP. A body above 5 MB is answered with 500. */
export function serve(answer: (asked: Asked) => Answer | Promise<Answer>): RequestListener {
  return (request, response) => {
    readBody(request)
      .then(async (text) => {
        const { pathname, searchParams } = new URL(request.url ?? '/', 'http://standin')
        const { method = 'GET', headers } = request
        const given = await answer({ method, path: pathname, query: searchParams, headers, text })
        if (given === 'hang') return
        if (given === 'reset') return void request.socket.destroy()
        response
          .writeHead(given.status, { ...given.headers, 'content-length': Buffer.byteLength(given.body) })
          .end(method === 'HEAD' ? undefined : given.body)
      })
      // A stand-in that breaks must look broken to the test that uses it, not leave it waiting.
      .catch((error: unknown) =>
        response.writeHead(500, { connection: 'close' }).end(`The stand-in failed: ${String(error)}`),
      )
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new Error(`The request body is larger than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** The body as JSON or as a form, by its content type; undefined when it is neither or cannot be parsed. */
export function parsedBody({ headers, text }: Asked): Readonly<Record<string, unknown>> | undefined {
  const contentType = headers['content-type'] ?? ''
  if (contentType.startsWith('application/x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text))
  if (!contentType.startsWith('application/json')) return undefined
  try {
    const parsed = JSON.parse(text) as unknown
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

export function textReply(status: number, contentType: string, body: string): Reply {
  return { status, headers: { 'content-type': contentType }, body }
}
