// @vitest-environment jsdom
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query'
import { EventSource } from 'eventsource'
import type { ReactNode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createLiveConnection } from '../api/liveConnection.js'
import { configureRequests, request } from '../api/request.js'
import { pluginKeys, useInstallations } from '../plugins/queries.js'
import type { Run } from './run.repository.js'
import { runKeys } from './runCache.js'
import { followRun, useActiveRun, usePluginRuns, useRun, whenRunEnds } from './runs.js'
import { aRun } from './testing/aRun.js'
import { useRunOutcomes } from './useRunOutcomes.js'
import { unwatchAllRuns, useRunShown, watchRun } from './watchedRuns.js'

/** Plays the server: what it answers, who follows it, and what it was asked. */
let answers: Record<string, unknown>
let asked: string[]
let streams: { response: ServerResponse; lastEventId: string | undefined }[]
let refuseStreams: boolean
/** Between a server that was killed and the next one. */
let isAway: boolean
let server: Server
let root: Root
let page: HTMLElement
let client: QueryClient

beforeEach(async () => {
  answers = {}
  asked = []
  streams = []
  refuseStreams = false
  isAway = false
  server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  configureRequests({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    openEvents: (address) => new EventSource(address),
  })
  page = document.createElement('div')
  root = createRoot(page)
  client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
})
afterEach(async () => {
  root.unmount()
  client.clear()
  unwatchAllRuns()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function answer(request: IncomingMessage, response: ServerResponse) {
  const path = request.url?.split('?')[0] ?? ''
  asked.push(path)
  if (isAway) return void response.writeHead(503).end()
  if (path === '/plugins/events' && !refuseStreams) {
    const stream = { response, lastEventId: request.headers['last-event-id'] as string | undefined }
    streams.push(stream)
    response.on('close', () => (streams = streams.filter((one) => one !== stream)))
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('retry: 20\n\n')
    return
  }
  const data = answers[path]
  response.writeHead(data === undefined ? 404 : 200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(data === undefined ? { data: 'Not found', code: 'NOT_FOUND' } : { data }))
}

function show(content: ReactNode) {
  root.render(<QueryClientProvider client={client}>{content}</QueryClientProvider>)
}
const shown = (text: string) => expect.poll(() => page.textContent).toBe(text)
const connected = (count = 1) => expect.poll(() => streams.length).toBe(count)

/** What is told over the stream is also what is answered from then on. */
function tell(event: string, data: unknown, id = 1) {
  if (event === 'run') answers[`/plugins/runs/${(data as Run).id}`] = data
  for (const { response } of streams) response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}

const running = aRun({ state: 'running', progress: { done: 1, total: 4, message: null } })
const path = `/plugins/runs/${running.id}`
const list = '/plugins/installations/7/runs'

function State({ id = running.id }: { id?: string }) {
  const { data } = useRun(id)
  return <>{data ? `${data.state} ${data.progress?.done ?? ''}` : '-'} </>
}

describe('the live connection', () => {
  it('is one for all that listen, and closes with the last of them', async () => {
    answers[path] = running
    show([1, 2, 3].map((key) => <State key={key} />))
    await shown('running 1 running 1 running 1 ')
    await connected()
    tell('run', { ...running, progress: { done: 2, total: 4, message: null } })
    await shown('running 2 running 2 running 2 ')
    show(<State />)
    await shown('running 2 ')
    expect(asked.filter((one) => one === '/plugins/events')).toHaveLength(1)
    show('gone')
    await connected(0)
  })

  it('closes when what was followed has ended', async () => {
    answers[path] = running
    show(<State />)
    await connected()
    tell('run', { ...running, state: 'succeeded', progress: null })
    await shown('succeeded  ')
    await connected(0)
  })

  it('goes on after an interruption where it was', async () => {
    answers[path] = running
    show(<State />)
    await connected()
    tell('run', running, 4711)
    await expect.poll(() => client.isFetching()).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    streams[0]?.response.end()
    await expect.poll(() => streams[0]?.lastEventId).toBe('4711')
  })

  it('asks again when it was refused, and meanwhile looks at the run itself', async () => {
    refuseStreams = true
    answers[path] = running
    show(<State />)
    await shown('running 1 ')
    answers[path] = { ...running, state: 'succeeded', progress: null }
    await expect.poll(() => page.textContent, { timeout: 5_000 }).toBe('succeeded  ')
  })

  it('waits longer after each refusal, and opens as soon as it may', async () => {
    refuseStreams = true
    const onGap = vi.fn()
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/plugins/events`
    const open = () => new EventSource(address)
    const live = createLiveConnection({ open, names: ['run'], onEvent: vi.fn(), onGap, retryMs: 10 })
    const leave = live.listen()
    await expect.poll(() => asked.length).toBeGreaterThan(2)
    expect(live.state()).toBe('broken')
    refuseStreams = false
    await expect.poll(() => live.state()).toBe('open')
    expect(onGap).toHaveBeenCalledTimes(1)
    leave()
    await connected(0)
  })

  it('is given back while nobody sees the page, and what was missed is asked for afterwards', async () => {
    answers[path] = running
    show(<State />)
    await connected()
    const visibility = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
    document.dispatchEvent(new Event('visibilitychange'))
    await connected(0)
    answers[path] = { ...running, state: 'failed', progress: null }
    visibility.mockRestore()
    document.dispatchEvent(new Event('visibilitychange'))
    await shown('failed  ')
  })

  it('has the installations asked for again when they are not as they were, and only then', async () => {
    const installation = { id: 7, pluginKey: 'any', status: 'installed', version: '1.0.0' }
    answers['/plugins/installations'] = [installation]
    answers[path] = running
    function Statuses() {
      return (
        <>
          {useInstallations()
            .data?.map(({ status }) => status)
            .join()}
        </>
      )
    }
    show(
      <>
        <Statuses /> <State />
      </>,
    )
    await shown('installed running 1 ')
    await connected()
    tell('installations', [installation])
    tell('run', { ...running, progress: { done: 3, total: 4, message: null } })
    await shown('installed running 3 ')
    expect(asked.filter((one) => one === '/plugins/installations')).toHaveLength(1)
    answers['/plugins/installations'] = [{ ...installation, status: 'disabled' }]
    tell('installations', [{ ...installation, status: 'disabled' }])
    await shown('disabled running 3 ')
  })
})

describe('what is known of a run', () => {
  function List() {
    const { data } = usePluginRuns(7)
    return <>{data?.items.map(({ state, title }) => `${title}:${state} `).join('') ?? '-'}</>
  }

  it('is the same in every list, and a new one appears by itself', async () => {
    answers[list] = { items: [running], total: 1 }
    show(<List />)
    await shown('Sync models:running ')
    await connected()
    tell('run', { ...running, state: 'cancelled' })
    await shown('Sync models:cancelled ')
    const next = aRun({ id: '0195d3a0-0000-7000-8000-000000000002', title: 'Again', state: 'running' })
    answers[list] = { items: [next, { ...running, state: 'cancelled' }], total: 2 }
    tell('run', next)
    await shown('Again:running Sync models:cancelled ')
  })

  it('is not undone by an answer that was overtaken', async () => {
    answers[path] = running
    show(<State />)
    await connected()
    tell('run', { ...running, state: 'succeeded', progress: null })
    await shown('succeeded  ')
    answers[path] = running
    await client.refetchQueries()
    await shown('succeeded  ')
  })

  describe('has what its plugin shows asked for again when it ends', () => {
    function Models() {
      const { data } = useQuery({
        queryKey: pluginKeys.of('any', 'view'),
        queryFn: () => request<string>('/plugins/any/models'),
      })
      return <>{data} </>
    }
    const over: Run = { ...running, state: 'succeeded', progress: null }
    beforeEach(() => void (answers['/plugins/any/models'] = 'before'))
    /** A run under way beside what its plugin shows, of which the server has something newer already. */
    const showBefore = async () => {
      answers[path] = running
      show(
        <>
          <State />
          <Models />
        </>,
      )
      await shown('running 1 before ')
      await connected()
      answers['/plugins/any/models'] = 'after'
    }

    it('where it was seen under way', async () => {
      await showBefore()
      tell('run', over)
      await shown('succeeded  after ')
    })

    it('where it was begun, also when it is over before its first answer comes', async () => {
      show(<Models />)
      await shown('before ')
      answers['/plugins/any/models'] = 'after'
      answers[path] = over
      await followRun(client, running.id)
      await shown('after ')
    })

    it('where its end is the first that is told of it', async () => {
      await showBefore()
      tell('run', { ...over, id: 'another' })
      await shown('running 1 after ')
    })

    it('where the list has it only when it is over', async () => {
      const earlier = aRun({ id: 'earlier', state: 'failed' })
      answers[list] = { items: [earlier], total: 1 }
      show(
        <>
          <List />
          <Models />
        </>,
      )
      await shown('Sync models:failed before ')
      expect(asked.filter((one) => one === '/plugins/any/models')).toHaveLength(1)
      answers['/plugins/any/models'] = 'after'
      answers[list] = { items: [over, earlier], total: 2 }
      await client.refetchQueries({ queryKey: runKeys.lists })
      await shown('Sync models:succeeded Sync models:failed after ')
    })
  })

  it('finds the one that is under way again, whoever began it', async () => {
    answers[list] = { items: [aRun({ state: 'failed' }), { ...running, id: 'b', action: 'other' }], total: 2 }
    function Active({ action }: { action: string }) {
      return <>{useActiveRun(7, action)?.id ?? 'none'} </>
    }
    show(
      <>
        <Active action="sync" />
        <Active action="other" />
      </>,
    )
    await shown('none b ')
  })

  it('can be waited for by what is no longer on the page', async () => {
    answers[path] = running
    const ended = whenRunEnds(client, running.id)
    await connected()
    tell('run', { ...running, state: 'succeeded' })
    expect(await ended).toMatchObject({ state: 'succeeded' })
    await connected(0)
    await expect(whenRunEnds(client, 'nothing')).rejects.toMatchObject({ status: 404 })
  })

  it('is waited for while no server answers, and when another one begins it again', async () => {
    isAway = true
    const ended = whenRunEnds(client, running.id)
    const settled = vi.fn()
    ended.then(settled, settled)
    await expect.poll(() => asked.filter((one) => one === path).length).toBeGreaterThan(0)
    await expect.poll(() => client.isFetching()).toBe(0)
    isAway = false
    answers[path] = { ...running, state: 'queued', progress: null }
    await expect
      .poll(() => client.getQueryData<Run>(['tenon', 'runs', 'one', running.id])?.state, { timeout: 5_000 })
      .toBe('queued')
    expect(settled).not.toHaveBeenCalled()
    answers[path] = { ...running, state: 'succeeded' }
    expect(await ended).toMatchObject({ state: 'succeeded' })
  })
})

describe('runs that a person began', () => {
  const told: string[] = []
  function Told() {
    useRunOutcomes((run: Run, { isShown }) => told.push(`${run.title} ${run.state} ${isShown}`))
    return null
  }
  function Shown() {
    useRunShown(running.id)
    return null
  }
  beforeEach(() => void told.splice(0))

  it('tell their end once, wherever the person is then', async () => {
    answers[path] = running
    show(<Told />)
    watchRun(running.id)
    watchRun(running.id)
    await connected()
    tell('run', { ...running, state: 'failed' })
    tell('run', { ...running, state: 'failed' }, 2)
    await expect.poll(() => told).toEqual(['Sync models failed false'])
    await connected(0)
    expect(sessionStorage.getItem('tenon.watched-runs')).toBe('[]')
  })

  it('are followed from the beginning when the server dies that took them', async () => {
    isAway = true
    const followed = followRun(client, running.id)
    await expect.poll(() => asked.filter((one) => one === path).length).toBeGreaterThan(0)
    answers[path] = { ...running, state: 'queued' }
    isAway = false
    expect(await followed).toMatchObject({ state: 'queued' })
    await expect(followRun(client, 'nothing')).rejects.toMatchObject({ status: 404 })
  })

  it('are not forgotten while no server answers', async () => {
    isAway = true
    watchRun(running.id)
    show(<Told />)
    await expect.poll(() => asked.filter((one) => one === path).length).toBeGreaterThan(0)
    await expect.poll(() => client.isFetching()).toBe(0)
    isAway = false
    answers[path] = { ...running, state: 'succeeded' }
    await expect.poll(() => told, { timeout: 5_000 }).toEqual(['Sync models succeeded false'])
  })

  it('say when the end is to be seen already', async () => {
    answers[path] = { ...running, state: 'succeeded' }
    show(
      <>
        <Shown />
        <Told />
      </>,
    )
    watchRun(running.id)
    await expect.poll(() => told).toEqual(['Sync models succeeded true'])
  })

  it('are forgotten when they are gone, and those of others never tell anything', async () => {
    show(<Told />)
    watchRun('gone')
    await expect.poll(() => sessionStorage.getItem('tenon.watched-runs')).toBe('[]')
    expect(told).toEqual([])
  })
})
