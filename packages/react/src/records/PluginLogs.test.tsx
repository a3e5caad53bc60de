// @vitest-environment jsdom
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { EventSource } from 'eventsource'
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest'
import { configureRequests } from '../api/request.js'
import type { PluginInstallation } from '../plugins/types.js'
import { setStage } from '../testing/stage.js'
import { PluginLogs } from './PluginLogs.js'
import type { LogLine } from './records.js'

const stage = setStage()
const installation = { id: 7, pluginKey: 'chat' } as PluginInstallation

/** What the plugin printed, and who follows it. */
let printed: LogLine[]
let followers: { wanted: URLSearchParams; response: ServerResponse }[]
let refuseFollowers: boolean
let server: Server

/** A page without a layout has no room for a line. */
let heights: MockInstance
beforeEach(async () => {
  heights = vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(20)
  printed = []
  followers = []
  refuseFollowers = false
  server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  configureRequests({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    openEvents: (address) => new EventSource(address),
  })
})
afterEach(async () => {
  heights.mockRestore()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const fits = ({ text }: LogLine, wanted: URLSearchParams) => text.includes(wanted.get('text') ?? '')

function answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams: wanted } = new URL(url, 'http://server')
  if (!pathname.endsWith('/stream')) {
    const items = printed.filter((line) => fits(line, wanted)).toReversed()
    response.writeHead(200, { 'content-type': 'application/json' })
    return void response.end(JSON.stringify({ data: { items, total: items.length } }))
  }
  if (refuseFollowers) return void response.writeHead(429).end()
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write('retry: 20\n\n')
  followers.push({ wanted, response })
  response.on('close', () => (followers = followers.filter((one) => one.response !== response)))
  const missed = printed.filter((line) => line.id > Number(wanted.get('after')) && fits(line, wanted))
  for (const line of missed) send(response, line)
}

const send = (response: ServerResponse, line: LogLine) =>
  response.write(`id: ${line.id}\nevent: line\ndata: ${JSON.stringify(line)}\n\n`)

function print(text: string): void {
  const line: LogLine = { id: printed.length + 1, at: '2026-01-05T08:00:00.000Z', level: 'info', text }
  printed.push(line)
  for (const { wanted, response } of followers) if (fits(line, wanted)) send(response, line)
}

const lines = () => [...stage.page.querySelectorAll('.tn-log-text')].map((line) => line.textContent)
const shows = (...texts: string[]) => expect.poll(lines, { timeout: 5_000 }).toEqual(texts)
/** Whoever follows under this filter, and nobody else. */
const follows = (text: string | null) =>
  expect.poll(() => followers.map(({ wanted }) => wanted.get('text')), { timeout: 5_000 }).toEqual([text])

function search(text: string): void {
  const field = stage.page.querySelector<HTMLInputElement>('input[aria-label="Search the log"]')
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(field, text)
  field?.dispatchEvent(new Event('input', { bubbles: true }))
}

describe('a log that is followed', () => {
  it('misses nothing under a filter that was looked at before, where the cache keeps what it has', async () => {
    stage.client.setDefaultOptions({ queries: { staleTime: Infinity, retry: false } })
    print('try 1')
    print('other 1')
    stage.show(<PluginLogs installation={installation} />)
    await shows('try 1', 'other 1')
    search('try')
    await shows('try 1')
    search('')
    await shows('try 1', 'other 1')
    await follows(null)
    print('try 2')
    await shows('try 1', 'other 1', 'try 2')
    search('try')
    await shows('try 1', 'try 2')
    await follows('try')
    print('try 3')
    await shows('try 1', 'try 2', 'try 3')
  })

  it('gives its connection back while nobody sees the page, and misses nothing', async () => {
    print('before')
    stage.show(<PluginLogs installation={installation} />)
    await shows('before')
    await follows(null)
    const visibility = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
    document.dispatchEvent(new Event('visibilitychange'))
    await expect.poll(() => followers.length).toBe(0)
    print('meanwhile')
    visibility.mockRestore()
    document.dispatchEvent(new Event('visibilitychange'))
    await shows('before', 'meanwhile')
    await follows(null)
    print('after')
    await shows('before', 'meanwhile', 'after')
  })

  it('says that it is not live when it is refused, and goes on as soon as it may', async () => {
    refuseFollowers = true
    print('before')
    stage.show(<PluginLogs installation={installation} />)
    await shows('before')
    const note = () => stage.page.querySelector('[role="status"]')?.textContent
    await expect.poll(note).toMatch(/^Not live/)
    print('meanwhile')
    refuseFollowers = false
    await expect.poll(lines, { timeout: 10_000 }).toEqual(['before', 'meanwhile'])
    await expect.poll(note).toBe('')
  })
})
