import {
  type FrameCall,
  type FrameCallFailure,
  frameLimits,
  type FrameTheme,
  type FrameWelcome,
  parseFromFrame,
  pathOfCall,
  type ToFrame,
} from '@tenon/contract/frame'
import { ApiError } from '../api/ApiError.js'
import { request, type RequestInput } from '../api/request.js'

export interface FrameBridgeOptions {
  /** The frame's own window: nobody else is listened to. */
  frame: () => Window | null
  pluginKey: string
  /** Routes that the plugin may call, as the manifest lists them. */
  routes: readonly string[]
  /** Ids of its pages. */
  pages: readonly string[]
  welcome: () => Omit<FrameWelcome, 'tenon'>
  onReady: () => void
  onHeight: (height: number) => void
  onNavigate: (page: string) => void
  /** The frame has done what no frame of ours does. Nothing of it is listened to any more. */
  onBroken: (reason: string) => void
}

export interface FrameBridge {
  sendTheme: (theme: FrameTheme) => void
  sendPage: (page: string) => void
  close: () => void
}

/**
 * The page's end of the channel to a plugin's own UI, and all that the UI can reach. Everything that comes is a
 * stranger's text: it is measured before it is read, read by a schema, and counted.
 */
export function openFrameBridge(options: FrameBridgeOptions): FrameBridge {
  const over = new AbortController()
  const mayPass = createMeter(frameLimits)
  let port: MessagePort | undefined
  let calls = 0

  const send = (message: ToFrame): void => port?.postMessage(JSON.stringify(message))

  function close(): void {
    over.abort()
    port?.close()
    port = undefined
  }

  function breakOff(reason: string): void {
    close()
    options.onBroken(reason)
  }

  function onHello({ source, origin, data }: MessageEvent<unknown>): void {
    // An origin would mean that this is no longer the document that the host has sent.
    if (source === null || source !== options.frame() || origin !== 'null' || !isHello(data)) return
    // Whoever is given the port is the frame: there is no second one.
    if (port) return breakOff('it began anew')
    const channel = new MessageChannel()
    port = channel.port1
    port.onmessage = onMessage
    const welcome: FrameWelcome = { tenon: 'welcome', ...options.welcome() }
    ;(source as Window).postMessage(welcome, '*', [channel.port2])
    options.onReady()
  }

  function onMessage({ data }: MessageEvent<unknown>): void {
    if (!mayPass()) return breakOff('it sent too many messages')
    const message = parseFromFrame(data)
    if (!message) return breakOff('it sent something that is no message')
    switch (message.type) {
      case 'call':
        return void answer(message)
      case 'resize':
        return options.onHeight(Math.min(Math.max(message.height, frameLimits.minHeight), frameLimits.maxHeight))
      case 'navigate':
        if (options.pages.includes(message.page)) options.onNavigate(message.page)
    }
  }

  async function answer(call: FrameCall): Promise<void> {
    calls += 1
    try {
      send({ type: 'result', id: call.id, data: await makeCall(call) })
    } catch (error) {
      send({ type: 'failure', id: call.id, error: failureOf(error) })
    } finally {
      calls -= 1
    }
  }

  async function makeCall(call: FrameCall): Promise<unknown> {
    const path = pathOfCall(call, options.routes)
    if (path === undefined) {
      throw new ApiError(`The manifest does not list "${call.route}" as a route of the UI.`, 0, 'ROUTE_NOT_LISTED')
    }
    if (calls > frameLimits.concurrentCalls) {
      throw new ApiError('Too many calls at once. Wait for some of them.', 0, 'TOO_MANY_CALLS')
    }
    const [method] = call.route.split(' ') as [RequestInput['method']]
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(frameLimits.callTimeoutMs)])
    const data = await request<unknown>(`/plugins/${options.pluginKey}${path}`, {
      method,
      signal,
      ...(call.query ? { query: call.query } : {}),
      ...(call.body === undefined || method === 'GET' ? {} : { body: call.body }),
    })
    if ((JSON.stringify(data)?.length ?? 0) <= frameLimits.maxAnswerLength) return data
    throw new ApiError('The answer is too large for the UI of a plugin.', 0, 'ANSWER_TOO_LARGE')
  }

  window.addEventListener('message', onHello, { signal: over.signal })
  return {
    sendTheme: (theme) => send({ type: 'theme', theme }),
    sendPage: (page) => send({ type: 'page', page }),
    close,
  }
}

function isHello(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'tenon' in data && data.tenon === 'hello'
}

function failureOf(error: unknown): FrameCallFailure {
  if (error instanceof ApiError) return { status: error.status, code: error.code, message: error.message }
  return { status: 0, code: 'CALL_CANCELLED', message: 'The call took too long or was cancelled.' }
}

/** A bucket that fills again: bursts are fine, floods are not. */
function createMeter({ burstMessages, messagesPerSecond }: typeof frameLimits): () => boolean {
  let left: number = burstMessages
  let last = performance.now()
  return () => {
    const now = performance.now()
    left = Math.min(burstMessages, left + ((now - last) / 1000) * messagesPerSecond) - 1
    last = now
    return left >= 0
  }
}
