import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { flushSync } from 'react-dom'
import { createRoot, type Root } from 'react-dom/client'
import { afterAll, afterEach, beforeEach, expect, type MockInstance, vi } from 'vitest'
import { configureRequests } from '../api/request.js'

/** What the server answers when it refuses something. */
export class Refusal {
  constructor(
    readonly status: number,
    readonly body: { data: string; code: string; requestId?: string },
  ) {}
}

/** A page on which components are shown, and a server that they ask. */
export interface Stage {
  readonly page: HTMLElement
  readonly client: QueryClient
  /** By method and path; what is not in here is refused with 503. A function may take its time, or answer a `Refusal`. */
  answers: Record<string, unknown>
  /** Method and address of what was asked, in order. */
  asked: string[]
  show(content: ReactNode): void
  /** Waits until the page has this text, and no other. */
  shows(text: string): Promise<void>
  /** The button or link with this name. */
  named(name: string): HTMLElement
  click(name: string): void
}

/** Sets a stage up before each test of a file, and takes it down after it. */
export function setStage(): Stage {
  let server: Server
  let root: Root
  let page: HTMLElement
  let client: QueryClient
  let warn: MockInstance<typeof console.warn>
  let openStreams = 0
  const stage: Stage = {
    get page() {
      return page
    },
    get client() {
      return client
    },
    answers: {},
    asked: [],
    show: (content) =>
      flushSync(() =>
        root.render(
          // A page without a layout has nothing in sight, and menus hide with what they belong to: with this they do not.
          <MantineProvider env="test">
            <QueryClientProvider client={client}>{content}</QueryClientProvider>
          </MantineProvider>,
        ),
      ),
    shows: (text) => expect.poll(() => textOf(page)).toBe(text),
    named(name) {
      const all = [...document.querySelectorAll<HTMLElement>('button, a')]
      const found = all.find((one) => one.getAttribute('aria-label') === name || textOf(one) === name)
      if (!found) throw new Error(`Nothing is called ${name}: ${all.map(textOf).join(', ')}`)
      return found
    },
    click: (name) => stage.named(name).click(),
  }

  beforeEach(async () => {
    stage.answers = {}
    stage.asked = []
    warn = vi.spyOn(console, 'warn')
    window.matchMedia = () => ({ matches: false, addEventListener() {}, removeEventListener() {} }) as never
    globalThis.ResizeObserver ??= class {
      observe() {}
      unobserve() {}
      disconnect() {}
    }
    server = createServer((request, response) => void answer(stage, request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    configureRequests({
      baseUrl: `http://127.0.0.1:${port}`,
      onError: () => undefined,
      openEvents() {
        openStreams += 1
        return { readyState: 0, addEventListener() {}, close: () => void (openStreams -= 1) }
      },
    })
    page = document.createElement('div')
    document.body.append(page)
    root = createRoot(page)
    client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  })
  afterEach(async () => {
    root.unmount()
    client.clear()
    document.body.replaceChildren()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    const warnings = warn.mock.calls.map(([first]) => String(first))
    warn.mockRestore()
    expect(warnings).toEqual([])
  })
  // A stream stays open for a moment after the last who listened has gone, and wants the page for that long.
  afterAll(() => vi.waitFor(() => expect(openStreams).toBe(0)))
  return stage
}

/** Styles that the theme puts beside what is shown are no text of it. */
const textOf = (element: HTMLElement): string => {
  const copy = element.cloneNode(true) as HTMLElement
  copy.querySelectorAll('style').forEach((style) => style.remove())
  return copy.textContent ?? ''
}

async function answer(stage: Stage, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '' } = request
  stage.asked.push(`${method} ${url}`)
  const body = request.headers['content-type'] === 'application/json' ? await json(request) : undefined
  const given =
    stage.answers[`${method} ${url.split('?')[0]}`] ?? new Refusal(503, { data: 'It is away', code: 'AWAY' })
  const data: unknown = await (typeof given === 'function' ? given(body) : given)
  const isRefused = data instanceof Refusal
  const isRun = typeof data === 'object' && data !== null && 'runId' in data
  response.writeHead(isRefused ? data.status : isRun ? 202 : 200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(isRefused ? data.body : { data }))
}

/** Something that is answered when the test says so. */
export function held<Answer>(): { promise: Promise<Answer>; answer: (data: Answer) => void } {
  let resolve: (data: Answer) => void = () => undefined
  const promise = new Promise<Answer>((done) => {
    resolve = done
  })
  return { promise, answer: resolve }
}
