import { readFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { afterEach, describe, expect, it } from 'vitest'
import { startMlflowStandin, type MlflowStandin, type MlflowStandinOptions } from './mlflow-standin.js'
import { nextPageToken, send, type Credentials, type RecordedAnswer, type Recording } from './recording.js'
import { MLFLOW_VERSIONS, type MlflowRelease } from './release.js'
import { addModelVersion, addRegisteredModel, removeRegisteredModel } from './state.js'
import type { MlflowState } from './wire.js'

const running: MlflowStandin[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((standin) => standin.close()))
})

async function start(options: MlflowStandinOptions = {}): Promise<MlflowStandin> {
  const standin = await startMlflowStandin(options)
  running.push(standin)
  return standin
}

const releases = [2, 3] as const
const files = ['server', 'registered-models', 'model-versions', 'experiments', 'runs']

function readRecording<Content>(release: MlflowRelease, file: string): Content {
  const location = new URL(`../../recordings/mlflow-${release}/${file}.json`, import.meta.url)
  return JSON.parse(readFileSync(location, 'utf8')) as Content
}

/** Python prints a set in another order with every start. */
function comparable(answer: RecordedAnswer): unknown {
  const text = JSON.stringify(answer).replace(
    /\{('[\w ]+'(?:, '[\w ]+')*)\}/g,
    (_all, members: string) => `{${members.split(', ').sort().join(', ')}}`,
  )
  return JSON.parse(text) as unknown
}

const recorded = releases.flatMap((release) => files.map((file) => ({ release, file })))

describe.each(recorded)('$file of MLflow $release, as recorded', ({ release, file }) => {
  const { exchanges, mlflowVersion } = readRecording<Recording>(release, file)
  let standin: Promise<MlflowStandin> | undefined
  const tokens = new Map<string, string>()

  it(`comes from MLflow ${MLFLOW_VERSIONS[release]}`, () => {
    expect(mlflowVersion).toBe(MLFLOW_VERSIONS[release])
  })

  it.each(exchanges)('$name', async ({ name, request, answer }) => {
    standin ??= startMlflowStandin({ release, models: readRecording<MlflowState>(release, 'dataset') })
    const given = await send((await standin).url, request, tokens)
    const token = nextPageToken(given)
    if (token) tokens.set(name, token)
    expect(comparable(given)).toEqual(comparable(answer))
  })

  it('keeps nothing open', async () => {
    await (await standin)?.close()
  })
})

describe.each(releases)('basic authentication of MLflow %i, as recorded', (release) => {
  const right = { username: 'admin', password: 'secret' }
  const credentials: Credentials = { right, other: right, wrong: { username: 'admin', password: 'not it' } }
  const { exchanges } = readRecording<Recording>(release, 'authentication')

  it.each(exchanges)('$name', async ({ request, answer }) => {
    const standin = await start({ release, auth: { kind: 'basic', ...right }, models: { registeredModels: 1 } })
    if (answer.status === 403) standin.failNext({ path: request.path, status: 403 })
    const { status, wwwAuthenticate, body } = await send(standin.url, request, undefined, credentials)
    expect({ status, wwwAuthenticate }).toEqual({ status: answer.status, wwwAuthenticate: answer.wwwAuthenticate })
    if (typeof answer.body === 'string') expect(body).toBe(answer.body)
  })
})

describe('the MLflow stand-in', () => {
  const models = (standin: MlflowStandin, query = ''): Promise<Response> =>
    fetch(`${standin.url}/api/2.0/mlflow/registered-models/search${query}`)

  const modelNames = async (standin: MlflowStandin, query = ''): Promise<string[]> => {
    const found = (await (await models(standin, query)).json()) as { registered_models?: { name: string }[] }
    return (found.registered_models ?? []).map(({ name }) => name)
  }

  it('gives pages of 100 models unless asked otherwise, and every model exactly once', async () => {
    const standin = await start({ models: { registeredModels: 250, versionsPerModel: 1 } })
    const seen: string[] = []
    const sizes: number[] = []
    let query = ''
    for (;;) {
      const answer = (await (await models(standin, query)).json()) as {
        registered_models: { name: string }[]
        next_page_token?: string
      }
      seen.push(...answer.registered_models.map(({ name }) => name))
      sizes.push(answer.registered_models.length)
      if (!answer.next_page_token) break
      query = `?page_token=${encodeURIComponent(answer.next_page_token)}`
    }
    expect(sizes).toEqual([100, 100, 50])
    expect(new Set(seen).size).toBe(250)
  })

  it('asks for a bearer token', async () => {
    const standin = await start({ auth: { kind: 'bearer', token: 'open-sesame' } })
    const url = `${standin.url}/api/2.0/mlflow/registered-models/search`
    expect((await fetch(url)).status).toBe(401)
    expect((await fetch(url, { headers: { authorization: 'Bearer closed' } })).status).toBe(401)
    expect((await fetch(url, { headers: { authorization: 'Bearer open-sesame' } })).status).toBe(200)
  })

  it('lives below a path and nowhere else', async () => {
    const standin = await start({ pathPrefix: '/teams/mlflow' })
    expect((await fetch(`${standin.url}/health`)).status).toBe(200)
    expect((await fetch(new URL('/health', standin.url))).status).toBe(404)
  })

  it('speaks TLS with a certificate that only those trust who were given it', async () => {
    const { url, caCertificate } = await start({ tls: true })
    const status = (ca?: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        httpsRequest(`${url}/health`, { ...(ca && { ca }) }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end()
      })
    await expect(status()).rejects.toThrow(/self-signed/)
    await expect(status(caCertificate)).resolves.toBe(200)
  })

  it('shows models that a test adds, changes and removes', async () => {
    const standin = await start({ models: { registeredModels: 0 } })
    addRegisteredModel(standin.state, { name: 'new', tags: { team: 'risk' } })
    addModelVersion(standin.state, { name: 'new', stage: 'Production' })
    expect(addModelVersion(standin.state, { name: 'new' }).version).toBe('2')
    expect(await modelNames(standin, `?filter=${encodeURIComponent("tags.team = 'risk'")}`)).toEqual(['new'])
    removeRegisteredModel(standin.state, 'new')
    expect(await modelNames(standin)).toEqual([])
    expect(standin.state.modelVersions).toEqual([])
  })

  it('makes each answer once when it is frozen', async () => {
    const standin = await start({ frozen: true })
    const before = await modelNames(standin)
    removeRegisteredModel(standin.state, before[0] ?? '')
    expect(await modelNames(standin)).toEqual(before)
    expect(await modelNames(standin, '?max_results=3')).toHaveLength(3)
  })

  it('takes its time with the endpoints that it is told', async () => {
    const standin = await start({ delayMs: (endpoint) => (endpoint === 'registered-models/search' ? 300 : 0) })
    const first = await Promise.race([
      models(standin).then(() => 'the slow one'),
      fetch(`${standin.url}/api/2.0/mlflow/experiments/search?max_results=1`).then(() => 'the quick one'),
    ])
    expect(first).toBe('the quick one')
  })

  it('generates the same content each time', async () => {
    const [one, other] = [await start(), await start()]
    expect(one.state).toEqual(other.state)
    expect(one.state.registeredModels.length).toBeGreaterThan(0)
  })

  it('fails as often as it is told, then recovers', async () => {
    const standin = await start()
    standin.failNext({ path: 'registered-models/search', status: 503, times: 2 })
    const statuses = [await models(standin), await models(standin), await models(standin)].map(({ status }) => status)
    expect(statuses).toEqual([503, 503, 200])
  })

  it('fails on the second page only', async () => {
    const standin = await start()
    standin.failNext({ path: 'registered-models/search', status: 500, after: 1 })
    expect([(await models(standin)).status, (await models(standin)).status]).toEqual([200, 500])
  })

  it('hangs until the client gives up, and can be closed meanwhile', async () => {
    const standin = await start()
    standin.failNext({ path: '/version', status: 'hang' })
    await expect(fetch(`${standin.url}/version`, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/)
    standin.failNext({ path: '/version', status: 'hang' })
    const hanging = expect(fetch(`${standin.url}/version`)).rejects.toThrow()
    while (standin.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    await standin.close()
    await hanging
  })

  it('drops a connection', async () => {
    const standin = await start()
    standin.failNext({ path: '/version', status: 'reset' })
    await expect(fetch(`${standin.url}/version`)).rejects.toThrow()
    expect((await fetch(`${standin.url}/version`)).status).toBe(200)
  })

  it('remembers what it was asked', async () => {
    const standin = await start()
    await models(standin, '?max_results=5')
    await fetch(`${standin.url}/api/2.0/mlflow/runs/search`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer x' },
      body: '{"experiment_ids":["1"]}',
    })
    expect(standin.requests).toMatchObject([
      { method: 'GET', path: '/api/2.0/mlflow/registered-models/search', query: { max_results: '5' } },
      { method: 'POST', headers: { authorization: 'Bearer x' }, body: { experiment_ids: ['1'] } },
    ])
  })
})
