import { postTo } from './fill-registry.js'

const LONG_PATH = `s3://models/${'deeply/nested/'.repeat(24)}model`
const HOUR_MS = 3_600_000

/**
 * Fills an empty MLflow server with a small registry that has one of each awkward thing: a deleted experiment and run,
 * a failed and a running run, metrics that are not numbers, a model without versions, one with a name that needs
 * escaping, a version in each stage, and a source address longer than 255 characters.
 */
export async function fillMlflow(serverUrl: string, startMs: number): Promise<void> {
  const post = (path: string, body: Record<string, unknown>) => postTo(serverUrl, path, body)
  const experiment = async (name: string, tags: Record<string, string> = {}): Promise<string> =>
    String((await post('experiments/create', { name, tags: pairs(tags) })).experiment_id)

  const run = async (experimentId: string, given: RunToFill): Promise<string> => {
    const created = await post('runs/create', {
      experiment_id: experimentId,
      run_name: given.name,
      start_time: startMs + given.hour * HOUR_MS,
      tags: pairs({ 'mlflow.user': 'trainer', ...given.tags }),
    })
    const { run_id: runId } = (created.run as { info: { run_id: string } }).info
    await post('runs/log-batch', {
      run_id: runId,
      metrics: Object.entries(given.metrics ?? {}).flatMap(([key, values]) =>
        values.map((value, step) => ({ key, value, step, timestamp: startMs + given.hour * HOUR_MS + step * 1000 })),
      ),
      params: pairs(given.params ?? {}),
    })
    if (given.status) {
      const end_time = startMs + (given.hour + 1) * HOUR_MS
      await post('runs/update', { run_id: runId, status: given.status, end_time })
    }
    return runId
  }

  const scoring = await experiment('credit-scoring', { team: 'risk', 'mlflow.note.content': 'Loan default **models**' })
  const fraud = await experiment('fraud detection', { team: 'payments' })
  const retired = await experiment('retired')
  await experiment('empty')

  const baseline = await run(scoring, {
    name: 'baseline',
    hour: 0,
    status: 'FINISHED',
    metrics: { auc: [0.71, 0.74], loss: [0.62, 0.55] },
    params: { learning_rate: '0.1', depth: '4' },
    tags: { stage: 'baseline' },
  })
  const boosted = await run(scoring, {
    name: 'boosted',
    hour: 2,
    status: 'FINISHED',
    metrics: { auc: [0.83], loss: [0.41] },
    params: { learning_rate: '0.05', depth: '8' },
    tags: { stage: 'candidate', note: 'Größe <b>&amp;</b> "quotes"' },
  })
  await run(scoring, {
    name: 'diverged',
    hour: 3,
    status: 'FAILED',
    metrics: { auc: [NOT_A_NUMBER], loss: [INFINITY] },
  })
  const forest = await run(fraud, { name: 'forest', hour: 5, status: 'FINISHED', metrics: { recall: [0.9] } })
  await run(fraud, { name: 'still training', hour: 6, params: { trees: '500' } })
  const removed = await run(fraud, { name: 'removed', hour: 7, status: 'KILLED' })
  await post('runs/delete', { run_id: removed })
  await run(retired, { name: 'old', hour: 1, status: 'FINISHED' })
  await post('experiments/delete', { experiment_id: retired })

  const model = (name: string, description?: string, tags: Record<string, string> = {}): Promise<unknown> =>
    post('registered-models/create', { name, tags: pairs(tags), ...(description && { description }) })
  const version = (name: string, rest: Record<string, unknown>): Promise<unknown> =>
    post('model-versions/create', { name, ...rest })
  const stage = (name: string, version_: string, stage_: string): Promise<unknown> =>
    post('model-versions/transition-stage', { name, version: version_, stage: stage_ })

  await model('credit-scoring', 'Scores loan applications', { team: 'risk', tier: '1' })
  await version('credit-scoring', { source: 's3://models/credit/1', run_id: baseline, description: 'First' })
  await version('credit-scoring', { source: 's3://models/credit/2', run_id: boosted, tags: pairs({ approved: 'yes' }) })
  await version('credit-scoring', { source: 's3://models/credit/3', run_id: boosted })
  await version('credit-scoring', { source: 's3://models/credit/4' })
  await stage('credit-scoring', '1', 'Archived')
  await stage('credit-scoring', '2', 'Production')
  await stage('credit-scoring', '3', 'Staging')
  await post('registered-models/alias', { name: 'credit-scoring', alias: 'champion', version: '2' })
  await post('registered-models/alias', { name: 'credit-scoring', alias: 'challenger', version: '3' })
  await model('fraud detection (EU) – "v2"')
  await version('fraud detection (EU) – "v2"', { source: LONG_PATH, run_id: forest })
  await model('chat-summariser', 'No version yet')
  await model('churn', undefined, { team: 'marketing' })
  await version('churn', { source: 's3://models/churn/1', run_link: 'https://ci.example/builds/7' })
}

// JSON has no such numbers; MLflow takes and gives them as these strings.
const NOT_A_NUMBER = 'NaN'
const INFINITY = 'Infinity'

interface RunToFill {
  readonly name: string
  readonly hour: number
  readonly status?: 'FINISHED' | 'FAILED' | 'KILLED'
  readonly metrics?: Readonly<Record<string, readonly (number | string)[]>>
  readonly params?: Readonly<Record<string, string>>
  readonly tags?: Readonly<Record<string, string>>
}

function pairs(record: Readonly<Record<string, string>>): { key: string; value: string }[] {
  return Object.entries(record).map(([key, value]) => ({ key, value }))
}
