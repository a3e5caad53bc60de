// @vitest-environment jsdom
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { configureRequests } from '../api/request.js'
import { type FrameBridge, openFrameBridge } from './frameBridge.js'

let server: Server
let answer: (response: ServerResponse) => void
let asked = 0
let bridge: FrameBridge
beforeEach(async () => {
  asked = 0
  server = createServer((_request, response) => {
    asked += 1
    response.writeHead(200, { 'content-type': 'application/json', 'access-control-allow-origin': '*' })
    answer(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  configureRequests({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api` })
})
afterEach(() => {
  bridge.close()
  vi.restoreAllMocks()
  server.closeAllConnections()
  server.close()
})

/** A frame that has said hello: what it sends, and what it and the page around it have heard. */
function openFrame() {
  const heard: { type: string; id: number; error?: { code: string }; data?: unknown }[] = []
  const heights: number[] = []
  const broken: string[] = []
  let port: MessagePort | undefined
  const frame = { postMessage: (_welcome: unknown, _origin: string, [given]: MessagePort[]) => (port = given) }
  bridge = openFrameBridge({
    frame: () => frame as unknown as Window,
    pluginKey: 'board',
    routes: ['GET /own'],
    pages: [],
    welcome: () => ({ protocol: 1, theme: { colorScheme: 'light', values: {} }, page: '' }) as never,
    onReady: () => undefined,
    onHeight: (height) => heights.push(height),
    onNavigate: () => undefined,
    onBroken: (reason) => broken.push(reason),
  })
  const hello = new MessageEvent('message', { data: { tenon: 'hello', protocol: 1 }, origin: 'null' })
  Object.defineProperty(hello, 'source', { value: frame })
  window.dispatchEvent(hello)
  if (!port) throw new Error('the frame was given no port')
  port.onmessage = ({ data }) => heard.push(JSON.parse(String(data)) as (typeof heard)[number])
  const send = (message: object) => port?.postMessage(JSON.stringify(message))
  return { send, call: (id: number) => send({ type: 'call', id, route: 'GET /own' }), heard, heights, broken }
}

describe('a frame', () => {
  it('has 8 calls under way at most', async () => {
    const waiting: ServerResponse[] = []
    answer = (response) => void waiting.push(response)
    const { call, heard } = openFrame()
    for (let id = 1; id <= 8; id++) call(id)
    await expect.poll(() => asked).toBe(8)
    call(9)
    await expect.poll(() => heard).toMatchObject([{ type: 'failure', id: 9, error: { code: 'TOO_MANY_CALLS' } }])
    for (const response of waiting) response.end(JSON.stringify({ message: 'OK', data: 'told' }))
    await expect.poll(() => heard.filter(({ type }) => type === 'result')).toHaveLength(8)
    expect(asked).toBe(8)
  })

  it('is handed answers of 2,000,000 characters at most', async () => {
    let length = 2_000_000
    answer = (response) => response.end(JSON.stringify({ message: 'OK', data: 'x'.repeat(length - 2) }))
    const { call, heard } = openFrame()
    call(1)
    await expect.poll(() => heard.map(({ type, error }) => error?.code ?? type)).toEqual(['result'])
    length += 1
    call(2)
    await expect.poll(() => heard.map(({ type, error }) => error?.code ?? type)).toEqual(['result', 'ANSWER_TOO_LARGE'])
  })

  it('may send 200 messages at once, and 100 in each second after that', async () => {
    let now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    const { send, heights, broken } = openFrame()
    const flood = (count: number) => Array.from({ length: count }).forEach(() => send({ type: 'resize', height: 300 }))
    flood(200)
    await expect.poll(() => heights.length).toBe(200)
    now += 1_000
    flood(100)
    await expect.poll(() => heights.length).toBe(300)
    expect(broken).toEqual([])
    flood(1)
    await expect.poll(() => broken).toEqual(['it sent too many messages'])
    expect(heights).toHaveLength(300)
  })
})
