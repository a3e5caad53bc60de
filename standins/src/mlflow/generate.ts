import { createHash } from 'node:crypto'
import { addRegisteredModel, emptyState, makeModelVersion, setAlias } from './state.js'
import type { Experiment, MlflowState, Run } from './wire.js'

/** How much a generated server holds. */
export interface GeneratorOptions {
  /** Default 8. */
  readonly registeredModels?: number
  /** Default 3. */
  readonly versionsPerModel?: number
  /** Besides "Default"; default 3. */
  readonly experiments?: number
  /** Over all experiments; default 12. */
  readonly runs?: number
}

const SUBJECTS = [
  ['credit-scoring', 'Scores loan applications'],
  ['fraud-detection', 'Flags card payments for review'],
  ['churn-prediction', 'Predicts which customers leave within a quarter'],
  ['cv-screening', 'Ranks job applications'],
  ['demand-forecast', 'Forecasts weekly demand by store'],
  ['document-classifier', 'Sorts incoming mail'],
  ['chat-summariser', 'Summarises support conversations'],
  ['image-moderation', 'Finds images that need a human look'],
] as const
const STAGES = ['Archived', 'Production', 'Staging'] as const
const START_MS = Date.UTC(2026, 0, 5, 8)
const HOUR_MS = 3_600_000

/** The same options give the same content, ids and times included. */
export function generateState(options: GeneratorOptions = {}): MlflowState {
  const { registeredModels = 8, versionsPerModel = 3, experiments = 3, runs = 12 } = options
  const state = emptyState()
  state.experiments.push(...count(experiments, (index) => experiment(index + 1)))
  state.runs.push(...count(runs, (index) => run(index, experiments === 0 ? 0 : (index % experiments) + 1)))
  for (let index = 0; index < registeredModels; index += 1) addModel(state, index, versionsPerModel)
  return state
}

function addModel(state: MlflowState, index: number, versions: number): void {
  const [, description] = SUBJECTS[index % SUBJECTS.length] ?? SUBJECTS[0]
  const name = nameAt(index)
  const at = START_MS + index * HOUR_MS
  const model = addRegisteredModel(state, { name, description, tags: { team: index % 2 ? 'payments' : 'risk' }, at })
  for (let number = 1; number <= versions; number += 1) {
    // With as many runs as versions, each has its own.
    const runId = state.runs[(index * versions + number) % Math.max(state.runs.length, 1)]?.info.run_id
    const stage = number === versions ? undefined : STAGES[(number - 1) % STAGES.length]
    const added = { name, at: at + number * 60_000, ...(runId && { runId }), ...(stage && { stage }) }
    state.modelVersions.push(makeModelVersion(added, number))
    model.last_updated_timestamp = added.at
  }
  if (versions > 0) setAlias(state, name, 'champion', String(Math.max(versions - 1, 1)))
}

function experiment(id: number): Experiment {
  return {
    experiment_id: String(id),
    name: nameAt(id - 1),
    artifact_location: `mlflow-artifacts:/${id}`,
    lifecycle_stage: 'active',
    creation_time: START_MS + id * 1000,
    last_update_time: START_MS + id * 1000,
    workspace: 'default',
  }
}

function run(index: number, experimentId: number): Run {
  const run_id = createHash('md5').update(`run ${index}`).digest('hex')
  const start_time = START_MS + index * HOUR_MS
  const run_name = `training-${index + 1}`
  return {
    info: {
      run_id,
      run_uuid: run_id,
      run_name,
      experiment_id: String(experimentId),
      user_id: '',
      status: index % 10 === 9 ? 'FAILED' : 'FINISHED',
      start_time,
      end_time: start_time + HOUR_MS / 2,
      artifact_uri: `mlflow-artifacts:/${experimentId}/${run_id}/artifacts`,
      lifecycle_stage: 'active',
    },
    data: {
      metrics: [{ key: 'auc', value: 0.7 + (index % 25) / 100, timestamp: start_time + HOUR_MS / 4, step: 0 }],
      params: [{ key: 'depth', value: String(4 + (index % 5)) }],
      tags: [{ key: 'mlflow.runName', value: run_name }],
    },
    inputs: {},
    outputs: {},
  }
}

function nameAt(index: number): string {
  const [subject] = SUBJECTS[index % SUBJECTS.length] ?? SUBJECTS[0]
  const round = Math.floor(index / SUBJECTS.length)
  return round === 0 ? subject : `${subject}-${round + 1}`
}

function count<Item>(length: number, make: (index: number) => Item): Item[] {
  return Array.from({ length }, (_, index) => make(index))
}
