import { send } from './recording.js'

export interface RegistrySize {
  experiments: number
  /** Spread over the experiments. */
  runs: number
  models: number
  versionsPerModel: number
}

/** How many requests are under way at once: a server on SQLite takes one write after the other. */
const CONCURRENCY = 4

/** Fills an empty MLflow server, stand-in or real, with so much of everything; each version comes from a run of its own. */
export async function fillRegistry(serverUrl: string, size: RegistrySize): Promise<{ experimentIds: string[] }> {
  const post = (path: string, body: Record<string, unknown>) => postTo(serverUrl, path, body)
  const experimentIds: string[] = []
  for (const name of names('experiment', size.experiments)) {
    experimentIds.push(String((await post('experiments/create', { name })).experiment_id))
  }
  const runIds = await inTurns(names('run', size.runs), async (run_name, index) => {
    const start_time = Date.UTC(2026, 0, 5) + index * 60_000
    const created = await post('runs/create', {
      experiment_id: experimentIds[index % experimentIds.length],
      run_name,
      start_time,
      tags: [{ key: 'mlflow.user', value: 'trainer' }],
    })
    const { run_id } = (created['run'] as { info: { run_id: string } }).info
    await post('runs/log-batch', {
      run_id,
      metrics: [{ key: 'auc', value: index / size.runs, step: 0, timestamp: start_time }],
      params: [{ key: 'depth', value: String(index % 9) }],
    })
    await post('runs/update', { run_id, status: 'FINISHED', end_time: start_time + 30_000 })
    return run_id
  })
  await inTurns(names('model', size.models), async (name, model) => {
    await post('registered-models/create', { name, description: `The ${name}` })
    for (let version = 0; version < size.versionsPerModel; version += 1) {
      const run_id = runIds[(model * size.versionsPerModel + version) % runIds.length]
      await post('model-versions/create', { name, source: `s3://models/${name}/${version + 1}`, run_id })
    }
  })
  return { experimentIds }
}

/** @throws Error with what the server said */
export async function postTo(
  serverUrl: string,
  path: string,
  body: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const answer = await send(serverUrl, { method: 'POST', path: `/api/2.0/mlflow/${path}`, body })
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer.body as Record<string, unknown>
}

const names = (kind: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${kind}-${String(index + 1).padStart(4, '0')}`)

async function inTurns<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const waiting = [...items.entries()]
  const workThrough = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) results[next[0]] = await work(next[1], next[0])
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, workThrough))
  return results
}
