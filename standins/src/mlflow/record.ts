/**
 * Records answers of a real MLflow server into recordings/mlflow-<major version>. Usage, after a build:
 *
 *   node dist/mlflow/record.js <url> [<url of a server with the basic-auth app> <admin password>]
 *
 * Both servers must be empty; they are filled first. See README.md for how to start them.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { fillMlflow } from './fill.js'
import { authenticationQuestions, mlflowQuestions, type Question } from './questions.js'
import { nextPageToken, send, type Credentials, type RecordedExchange } from './recording.js'

const FIRST_RUN_MS = Date.UTC(2026, 0, 5, 8)

const [url, authenticatedUrl, adminPassword] = process.argv.slice(2)
if (!url) throw new Error('Give the URL of an empty MLflow server, e.g. http://127.0.0.1:5000')

const mlflowVersion = String((await send(url, { method: 'GET', path: '/version' })).body)
const major = Number.parseInt(mlflowVersion)
const recordings = new URL(`../../recordings/mlflow-${major}/`, import.meta.url)
await mkdir(recordings, { recursive: true })
await recordProtocol(url)
if (authenticatedUrl && adminPassword) await recordAuthentication(authenticatedUrl, adminPassword)

async function recordProtocol(serverUrl: string): Promise<void> {
  await fillMlflow(serverUrl, FIRST_RUN_MS)
  const everything = await snapshot(serverUrl)
  const boosted = everything.runs.find(({ info }) => info.run_name === 'boosted')
  if (!boosted) throw new Error('The server does not list the run that was just created')

  await write('dataset', { mlflowVersion, ...everything })
  for (const [file, questions] of Object.entries(mlflowQuestions(boosted.info.run_id, boosted.info.experiment_id))) {
    await write(file, { mlflowVersion, exchanges: await ask(serverUrl, questions) })
  }
}

async function recordAuthentication(serverUrl: string, password: string): Promise<void> {
  const right = { username: 'admin', password }
  const other = { username: 'guest', password: 'guest-password-1' }
  const credentials: Credentials = { right, other, wrong: { username: 'admin', password: 'not-the-password' } }
  const create = (path: string, body: Record<string, unknown>): Promise<unknown> =>
    send(serverUrl, { method: 'POST', path, body, credentials: 'right' }, undefined, credentials)

  await create('/api/2.0/mlflow/users/create', other)
  await create('/api/2.0/mlflow/registered-models/create', { name: 'private' })
  const { username } = other
  if (major < 3) {
    const permission = 'NO_PERMISSIONS'
    await create('/api/2.0/mlflow/registered-models/permissions/create', { name: 'private', username, permission })
  } else {
    const resource = { resource_type: 'registered_model', resource_id: 'private' }
    await create('/api/3.0/mlflow/users/permissions/grant', { username, ...resource, permission: 'DENY' })
  }
  const exchanges = await ask(serverUrl, authenticationQuestions, credentials)
  await write('authentication', { mlflowVersion, exchanges })
}

async function ask(
  serverUrl: string,
  questions: readonly Question[],
  credentials?: Credentials,
): Promise<RecordedExchange[]> {
  const tokens = new Map<string, string>()
  const exchanges: RecordedExchange[] = []
  for (const { name, request } of questions) {
    const answer = await send(serverUrl, request, tokens, credentials)
    const token = nextPageToken(answer)
    if (token) tokens.set(name, token)
    exchanges.push({ name, request, answer })
  }
  return exchanges
}

interface Snapshot {
  readonly experiments: readonly { experiment_id: string }[]
  readonly registeredModels: readonly unknown[]
  readonly modelVersions: readonly unknown[]
  readonly runs: readonly { info: { run_id: string; run_name: string; experiment_id: string } }[]
}

/** Everything that the server holds, as it says it itself. */
async function snapshot(serverUrl: string): Promise<Snapshot> {
  const post = async (path: string, body: Record<string, unknown>): Promise<Record<string, unknown>> =>
    (await send(serverUrl, { method: 'POST', path: `/api/2.0/mlflow/${path}`, body })).body as Record<string, unknown>
  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await send(serverUrl, { method: 'GET', path: `/api/2.0/mlflow/${path}` })).body as Record<string, unknown>

  const { experiments } = await post('experiments/search', { max_results: 1000, view_type: 'ALL' })
  const experiment_ids = (experiments as Snapshot['experiments']).map(({ experiment_id }) => experiment_id)
  const { runs } = await post('runs/search', { experiment_ids, run_view_type: 'ALL' })
  const { registered_models } = await get('registered-models/search')
  const { model_versions } = await get('model-versions/search')
  return {
    experiments: experiments as Snapshot['experiments'],
    registeredModels: (registered_models as Record<string, unknown>[]).map(withoutVersions),
    modelVersions: model_versions as unknown[],
    runs: runs as Snapshot['runs'],
  }
}

function withoutVersions({ latest_versions: _derived, ...model }: Record<string, unknown>): unknown {
  return model
}

async function write(file: string, content: unknown): Promise<void> {
  await writeFile(new URL(`${file}.json`, recordings), `${JSON.stringify(content, undefined, 2)}\n`)
}
