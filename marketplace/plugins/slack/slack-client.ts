import type { SeedContext } from '@tenon/sdk'
import { errorOfAnswer, SlackError, unavailable } from './slack-error'

const WEB_API = 'https://slack.com/api/'
const WEBHOOK_HOST = 'hooks.slack.com'
const TIMEOUT_MS = 10_000
/** Longer waits are left to whoever delivers the event again. */
const MAX_WAIT_MS = 5_000
/** Slack's words are short; more is a page of something in between. */
const MAX_WORD_BYTES = 4_000

/** Posts to an incoming webhook. @throws SlackError */
export async function postToWebhook(url: string, message: object, signal?: AbortSignal): Promise<void> {
  if (!isWebhookUrl(url)) {
    throw new SlackError(
      'SLACK_ADDRESS_INVALID',
      'The stored address is not one of a Slack webhook. Connect the workspace again.',
    )
  }
  await patiently(signal, async () => {
    const response = await send(fetch, url, message, signal)
    // Read in any case: an answer that is not read to its end costs the connection, and the next one a handshake.
    const word = await wordOf(response)
    if (!response.ok) throw errorOfAnswer(response.status, word, retryAfterOf(response))
  })
}

/**
 * Calls a method of the Web API as a connection. The host adds the token, which this process never has. Slack says with
 * status 200 that it failed.
 *
 * @throws SlackError
 */
export async function callSlack(
  method: string,
  connection: number,
  parameters: object,
  { fetch: fetchAs, signal }: Pick<SeedContext, 'fetch' | 'signal'>,
): Promise<Record<string, unknown>> {
  if (!fetchAs) throw new Error('This host keeps no connections.')
  return patiently(signal, async () => {
    const asConnection: Send = (url, init) => fetchAs(url, { ...init, connection })
    const response = await send(asConnection, WEB_API + method, parameters, signal)
    const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>
    if (response.ok && answer.ok === true) return answer
    throw errorOfAnswer(response.status, typeof answer.error === 'string' ? answer.error : '', retryAfterOf(response))
  })
}

/** A webhook address is a secret that somebody may have put there: it must not make this process call another host. */
function isWebhookUrl(text: string): boolean {
  try {
    const url = new URL(text)
    return url.protocol === 'https:' && url.host === WEBHOOK_HOST && url.username === '' && url.password === ''
  } catch {
    return false
  }
}

type Send = (url: string, init: RequestInit) => Promise<Response>

async function send(fetchFrom: Send, url: string, body: object, signal: AbortSignal | undefined): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const ended = signal ? AbortSignal.any([signal, timeout]) : timeout
  try {
    const request = fetchFrom(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: ended,
    })
    // What the host sends for us cannot be called back; its answer is not waited for.
    return await Promise.race([request, rejectionOf(ended)])
  } catch (error) {
    signal?.throwIfAborted()
    throw unavailable(timeout.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : reasonOf(error))
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}

/** Once more when Slack says how long to wait, and that is not long. */
async function patiently<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const waitMs = error instanceof SlackError ? error.retryAfterMs : undefined
    if (waitMs === undefined || waitMs > MAX_WAIT_MS) throw error
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    signal?.throwIfAborted()
    return work()
  }
}

function retryAfterOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after'))
  return seconds > 0 ? seconds * 1000 : undefined
}

async function wordOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => '')
  return text.length <= MAX_WORD_BYTES ? text.trim() : ''
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error as { cause?: unknown }).cause : undefined
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : 'the connection failed'
}
