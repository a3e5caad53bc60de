// @vitest-environment jsdom
import { File } from 'node:buffer'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { MantineProvider } from '@mantine/core'
import type { ImporterContribution } from '@tenon/contract'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { configureRequests } from '../api/request.js'
import type { Plugin } from '../plugins/types.js'
import { PluginImporter } from './PluginImporter.js'

const plugin = { key: 'stranger', displayName: 'Stranger' } as Plugin
const importer = {
  id: 'rows',
  title: 'Import',
  import: 'POST /import',
  history: 'GET /imports',
  accept: ['.csv'],
} as ImporterContribution
const checking: ImporterContribution = { ...importer, check: 'POST /check' }
const imported = { success: true, imported: 2, importId: 'a' }

/** What the plugin says of its past imports, and of a file. */
let history: unknown
let findings: unknown
/** What is answered instead. */
let refusals: Record<string, { status: number; body: object }>
/** The forms that it was sent, as they came. */
let sent: { route: string; body: string }[]
let server: Server
let root: Root
let page: HTMLElement

beforeEach(async () => {
  // A document made of text has forms and files that no request can carry.
  const empty = new Response('', { headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  vi.stubGlobal('FormData', (await empty.formData()).constructor)
  vi.stubGlobal('CSS', { escape: (id: string) => id })
  window.matchMedia = () =>
    ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }) as never
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  )
  vi.spyOn(console, 'error').mockReturnValue()
  sent = []
  refusals = {}
  server = createServer(async (request, response) => {
    const route = `${request.method} ${request.url?.split('/').at(-1)}`
    if (request.method === 'POST') sent.push({ route, body: await text(request) })
    const answers: Record<string, unknown> = {
      'GET imports': history,
      'POST check': findings,
      'POST import': imported,
      'POST undo': { message: 'Two rows were removed.' },
    }
    const refusal = refusals[route]
    response.writeHead(refusal?.status ?? 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(refusal?.body ?? { data: answers[route] ?? [] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  configureRequests({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  page = document.createElement('div')
  document.body.append(page)
  root = createRoot(page)
})
afterEach(async () => {
  root.unmount()
  page.remove()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function show(pastImports: unknown, of: ImporterContribution = importer): void {
  history = pastImports
  root.render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <p>The rest of the page.</p>
        <PluginImporter plugin={plugin} importer={of} />
      </QueryClientProvider>
    </MantineProvider>,
  )
}

const shows = (text: string | RegExp) => expect.poll(() => page.textContent).toMatch(text)

async function choose(name: string): Promise<void> {
  const input = await vi.waitFor(() => {
    const found = page.querySelector<HTMLInputElement>('input[type="file"]')
    if (!found) throw new Error('there is no field for a file')
    return found
  })
  Object.defineProperty(input, 'files', { value: [new File(['a,b'], name)] })
  input.dispatchEvent(new Event('change', { bubbles: true }))
}

async function press(name: string | RegExp): Promise<void> {
  const button = await vi.waitFor(() => {
    const found = [...page.querySelectorAll('button')].find(({ textContent }) => textContent.match(name))
    if (!found || found.disabled) throw new Error(`${name} cannot be pressed`)
    return found
  })
  button.click()
}

/** The fields of a form that was sent, by name, without the file. */
function fieldsOf(body: string): Record<string, string> {
  const fields = body.matchAll(/name="(?<name>[^"]*)"\r\n\r\n(?<value>[^\r]*)\r\n/g)
  return Object.fromEntries([...fields].map(({ groups }) => [groups?.['name'] ?? '', groups?.['value'] ?? '']))
}

describe('an importer of a plugin', () => {
  it('shows what was imported earlier', async () => {
    show([{ id: 'a', importedAt: '2026-05-03T10:00:00Z', imported: 3, fileName: 'risks.csv' }])
    await shows(/3 rows.*risks\.csv/)
  })

  it.each([[{ items: [] }], ['nothing'], [[null]], [[{}]]])(
    'breaks nothing around it when it answers %j',
    async (nonsense) => {
      show(nonsense)
      await shows('A part of Stranger cannot be shown')
      await shows('The rest of the page.')
    },
  )

  it('says what to do when a check takes longer than a page can wait, and imports without it', async () => {
    const error = 'Stranger did not answer within 60 seconds.'
    refusals['POST check'] = { status: 504, body: { message: 'Gateway Timeout', error, code: 'CALL_TIMEOUT' } }
    findings = { success: true, valid: 2, errors: [], preview: [] }
    show([], checking)
    await choose('large.csv')
    await shows(/Stranger did not answer within 60 seconds\..*Check it again in a while, or import it without/)
    refusals = {}
    await press('Check again')
    await press('Import')
    await shows('Import completed')
    expect(sent.map(({ route }) => route)).toEqual(['POST check', 'POST check', 'POST import'])
    refusals['POST check'] = { status: 504, body: { message: 'Gateway Timeout', error, code: 'CALL_TIMEOUT' } }
    await press('Import another file')
    await choose('other.csv')
    await press('Import without a check')
    await shows('Import completed')
  })

  it('imports nothing that could not be checked for another reason', async () => {
    const body = { message: 'Bad Request', data: 'The file is empty.', code: 'PLUGIN_ANSWERED' }
    refusals['POST check'] = { status: 400, body }
    show([], checking)
    await choose('empty.csv')
    await shows('The file is empty.')
    await press('Check again')
    await expect.poll(() => sent.map(({ route }) => route)).toEqual(['POST check', 'POST check'])
  })

  it('imports what was checked by a plugin that does not count its rows', async () => {
    findings = { success: true }
    show([], checking)
    await choose('rows.csv')
    await press(/^Import$/)
    await shows('2 rows were imported')
    expect(sent.map(({ route }) => route)).toEqual(['POST check', 'POST import'])
  })

  it('says at its place that a file has to be chosen first, and takes the person there', async () => {
    show([], checking)
    await press(/^Import$/)
    await shows('Choose a file first')
    const field = page.querySelector('input[type="file"]')
    expect(document.activeElement).toBe(field)
    expect(field?.getAttribute('aria-invalid')).toBe('true')
    expect(document.getElementById(field?.getAttribute('aria-describedby') ?? '')?.textContent).toBe(
      'Choose a file first.',
    )
    await choose('rows.csv')
    await expect.poll(() => page.textContent).not.toContain('Choose a file first')
    await expect.poll(() => sent.map(({ route }) => route)).toEqual(['POST check'])
  })

  it('says at its place that no row of a file can be imported as it is', async () => {
    const mistake = { row: 2, field: 'Likelihood', message: 'Perhaps is none of them' }
    findings = { success: false, valid: 0, errorCount: 1, errors: [mistake] }
    show([], checking)
    await choose('rows.csv')
    await shows('has to be corrected')
    await press(/^Import$/)
    await shows('No row of it can be imported as it is')
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Remove rows.csv')
    expect(sent.map(({ route }) => route)).toEqual(['POST check'])
  })

  it('checks a file again that could not be checked', async () => {
    findings = undefined
    show([], checking)
    refusals['POST check'] = { status: 503, body: {} }
    await choose('rows.csv')
    await shows('The file was not checked')
    refusals = {}
    findings = { success: true, valid: 2 }
    await press(/^Check again$/)
    await press(/^Import 2 rows$/)
    await shows('2 rows were imported')
  })

  it.each([[null], ['nothing'], [{ success: true, errors: 'none' }], [{ errors: [null], errorCount: 1 }]])(
    'breaks nothing around it when a check answers %j',
    async (nonsense) => {
      findings = nonsense
      show([], checking)
      await choose('rows.csv')
      await shows('The rest of the page.')
      await expect.poll(() => sent.length).toBe(1)
      await shows(/A part of Stranger cannot be shown|rows\.csv/)
    },
  )
})

describe('somebody without a mouse', () => {
  const undoing: ImporterContribution = { ...importer, undo: 'POST /undo' }
  const past = (id: string) => ({ id, importedAt: '2026-05-03T10:00:00Z', imported: 3, fileName: `${id}.csv` })
  const focused = () => document.activeElement?.textContent
  /** Presses a button that has the focus, as a keyboard does. */
  async function pressFocused(name: RegExp, index = 0): Promise<void> {
    const button = await vi.waitFor(() => {
      const found = [...page.querySelectorAll('button')].filter(({ textContent }) => textContent.match(name))[index]
      if (!found) throw new Error(`there is no button ${name}`)
      return found
    })
    button.focus()
    button.click()
  }

  it('is led to what came of an import, and to what came of taking it back', async () => {
    show([], undoing)
    await choose('rows.csv')
    await pressFocused(/^Import$/)
    await expect.poll(focused).toBe('Import another file')
    await pressFocused(/^Undo$/)
    await shows('Two rows were removed.')
    await expect.poll(focused).toBe('Import another file')
  })

  it('is led to what came of taking back an earlier import, also of the second that says the same', async () => {
    show([past('a'), past('b')], undoing)
    await shows('a.csv')
    for (const index of [0, 1]) {
      await pressFocused(/^Undo$/, index)
      await pressFocused(/^Undo the import$/)
      await expect.poll(focused).toBe('Two rows were removed.')
    }
  })

  it('comes back to the button when an earlier import is kept', async () => {
    show([past('a'), past('b')], undoing)
    await shows('b.csv')
    await pressFocused(/^Undo$/, 1)
    await expect.poll(focused).toBe('Keep it')
    await pressFocused(/^Keep it$/)
    await expect.poll(() => document.activeElement?.getAttribute('aria-label')).toMatch(/^Undo the import of b\.csv/)
  })
})

describe('what may be chosen about an import', () => {
  const settings = {
    type: 'object',
    required: ['project'],
    properties: {
      mode: { type: 'string', title: 'Mode', enum: ['all', 'good'], default: 'all' },
      isDraft: { type: 'boolean', title: 'As drafts', default: true },
      tags: { type: 'array', title: 'Tags', uniqueItems: true, items: { enum: ['new', 'old'] }, default: ['new'] },
      project: { type: 'string', title: 'Project' },
    },
  }
  const field = (label: string) => {
    const find = () => {
      const id = [...page.querySelectorAll('label')].find(({ textContent }) => textContent === label)?.htmlFor
      const found = document.getElementById(id ?? '')
      if (!(found instanceof HTMLInputElement)) throw new Error(`there is no field ${label}`)
      return found
    }
    // The code of forms comes when the first of them is shown.
    return vi.waitFor(find, { timeout: 10_000 })
  }
  const enter = async (label: string, value: string) => {
    const input = await field(label)
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(input, value)
    input.dispatchEvent(new Event('input', { bubbles: true }))
  }

  it('is drawn from a schema and goes with the file, checked once for what was typed', async () => {
    findings = { success: true, valid: 2 }
    show([], { ...checking, settings })
    await choose('rows.csv')
    await expect.poll(() => sent.length).toBe(1)
    for (const value of ['P', 'Pl', 'Plan']) await enter('Project', value)
    ;(await field('good')).click()
    await expect.poll(() => sent.length).toBe(2)
    await press(/^Import 2 rows$/)
    await shows('2 rows were imported')
    expect(sent.map(({ route, body }) => ({ route, ...fieldsOf(body) }))).toEqual([
      { route: 'POST check', mode: 'all', isDraft: 'true', tags: '["new"]' },
      { route: 'POST check', mode: 'good', isDraft: 'true', tags: '["new"]', project: 'Plan' },
      { route: 'POST import', mode: 'good', isDraft: 'true', tags: '["new"]', project: 'Plan' },
    ])
  })

  it('is said at its field when it is missing', async () => {
    show([], { ...importer, settings })
    await field('Project')
    await choose('rows.csv')
    await press(/^Import$/)
    await shows('This is needed')
    expect(sent).toEqual([])
  })
})
