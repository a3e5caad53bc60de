import http from 'node:http'
import { answerQuestions } from './host-process.js'

export interface PageDownloaderInput {
  url: string
  /** Questions under way at once. */
  parallel: number
  versionsPerPage: number
  runsPerQuestion: number
}

export type PageDownloaderCommands = ReturnType<typeof startPageDownloader>['commands']

interface Page {
  next_page_token?: string
  registered_models?: unknown[]
  model_versions?: { run_id: string }[]
  experiments?: { experiment_id: string }[]
}

/**
 * Asks for everything that a full synchronisation needs, with the same pages and as many questions at once, and does
 * nothing with it: an answer is read and parsed, because the next page is named in it, and so are the runs to ask for.
 */
function startPageDownloader({ url, parallel, versionsPerPage, runsPerQuestion }: PageDownloaderInput) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: parallel })
  let bytes = 0

  async function ask(path: string, body?: object): Promise<Page> {
    const text = await download(path, body === undefined ? undefined : JSON.stringify(body))
    bytes += text.length
    return JSON.parse(text) as Page
  }

  function download(path: string, body: string | undefined): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const method = body === undefined ? 'GET' : 'POST'
      const request = http.request(`${url}/api/2.0/mlflow/${path}`, { method, headers, agent }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => resolve(Buffer.concat(chunks).toString()))
        response.on('error', reject)
      })
      request.on('error', reject).end(body)
    })
  }

  async function everyPage(path: string, onPage: (page: Page) => void): Promise<void> {
    let token = ''
    do {
      const page = await ask(token === '' ? path : `${path}&page_token=${encodeURIComponent(token)}`)
      onPage(page)
      token = page.next_page_token ?? ''
    } while (token !== '')
  }

  async function downloadAll(): Promise<{ ms: number; bytes: number }> {
    bytes = 0
    const startedAt = performance.now()
    const experiment_ids: string[] = []
    await everyPage('experiments/search?max_results=1000&view_type=ALL', ({ experiments = [] }) =>
      experiment_ids.push(...experiments.map(({ experiment_id }) => experiment_id)),
    )
    const models = everyPage('registered-models/search?max_results=1000', () => undefined)
    const runs: Promise<Page>[] = []
    const order = 'order_by=last_updated_timestamp%20DESC&order_by=name%20ASC'
    await everyPage(`model-versions/search?max_results=${versionsPerPage}&${order}`, ({ model_versions = [] }) => {
      for (let first = 0; first < model_versions.length; first += runsPerQuestion) {
        const ids = model_versions.slice(first, first + runsPerQuestion).map(({ run_id }) => `'${run_id}'`)
        const filter = `attributes.run_id IN (${ids.join(', ')})`
        runs.push(ask('runs/search', { experiment_ids, run_view_type: 'ALL', max_results: 1000, filter }))
      }
    })
    await Promise.all([models, ...runs])
    return { ms: performance.now() - startedAt, bytes }
  }

  return { commands: { downloadAll }, stop: () => Promise.resolve(agent.destroy()) }
}

answerQuestions((input: PageDownloaderInput) => Promise.resolve(startPageDownloader(input)))
