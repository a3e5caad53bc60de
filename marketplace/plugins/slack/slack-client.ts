import type { SeedContext } from '@tenon/sdk'
import { errorOfAnswer, errorOfForeignAnswer, errorOfRequest, meansFailure, SlackError, timedOut } from './slack-error'

const WEB_API = 'https://slack.com/api/'
const WEBHOOK_HOST = 'hooks.slack.com'
const TIMEOUT_MS = 10_000
/** Longer waits are left to whoever delivers the event again; the host gives an event 30 s. */
const MAX_WAIT_MS = 15_000
/** Whatever Slack asks for, it is asked again after an hour. */
const MAX_PAUSE_MS = 3_600_000
/** Slack's words are short. */
const MAX_WORD_CHARACTERS = 100

/** Posts to an incoming webhook. @throws SlackError */
export async function postToWebhook(url: string, message: object, signal?: AbortSignal): Promise<void> {
  if (!isWebhookUrl(url)) {
    throw new SlackError(
      'SLACK_ADDRESS_INVALID',
      'The stored address is not one of a Slack webhook. Connect the workspace again.',
    )
  }
  await patiently(url, signal, async () => {
    const response = await send(fetch, url, message, signal)
    // Read in any case: an answer that is not read to its end costs the connection, and the next one a handshake.
    const word = await wordOf(response)
    if (response.ok && isPage(word)) throw errorOfForeignAnswer()
    if (!response.ok || meansFailure(word)) throw errorOfAnswer(response.status, word, retryAfterOf(response))
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
  return patiently(`${method} ${connection}`, signal, async () => {
    const asConnection: Send = (url, init) => fetchAs(url, { ...init, connection })
    const response = await send(asConnection, WEB_API + method, parameters, signal)
    const answer = (await response.json().catch(() => null)) as Record<string, unknown> | null
    if (response.ok && answer?.ok === true) return answer
    const word = typeof answer?.error === 'string' ? answer.error : undefined
    if (response.ok && word === undefined) throw errorOfForeignAnswer()
    throw errorOfAnswer(response.status, word ?? '', retryAfterOf(response))
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
    throw timeout.aborted ? timedOut(TIMEOUT_MS / 1000) : errorOfRequest(error)
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}

/** Until when nothing is sent to a place, because Slack asked for that: a webhook, or a method for a connection. */
const pausedUntil = new Map<string, number>()

/** Again when Slack says how long to wait, and that is not too long. What else is for the same place waits as well. */
async function patiently<T>(place: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const giveUpAt = Date.now() + MAX_WAIT_MS
  for (;;) {
    const resumesAt = pausedUntil.get(place) ?? 0
    if (resumesAt > giveUpAt) throw errorOfAnswer(429, '', resumesAt - Date.now())
    await sleepUntil(resumesAt, signal)
    try {
      return await work()
    } catch (error) {
      const waitMs = error instanceof SlackError ? error.retryAfterMs : undefined
      if (waitMs === undefined) throw error
      pausedUntil.set(place, Date.now() + waitMs)
    }
  }
}

async function sleepUntil(moment: number, signal: AbortSignal | undefined): Promise<void> {
  const ms = moment - Date.now()
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
  signal?.throwIfAborted()
}

function retryAfterOf(response: Response): number | undefined {
  const said = response.headers.get('retry-after') ?? ''
  const ms = /^\d+$/.test(said) ? Math.min(Number(said) * 1000, MAX_PAUSE_MS) : 0
  return ms > 0 ? ms : undefined
}

async function wordOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => '')
  return text.slice(0, MAX_WORD_CHARACTERS).trim()
}

/** What something in between says instead of Slack, which has no pages here. */
function isPage(word: string): boolean {
  return word.startsWith('<')
}
