import type { MlflowState, ModelVersion, Pair, RegisteredModel } from './wire.js'

/** A server as MLflow first starts: with the experiment "Default" and nothing else. */
export function emptyState(): MlflowState {
  return {
    experiments: [
      {
        experiment_id: '0',
        name: 'Default',
        artifact_location: 'mlflow-artifacts:/0',
        lifecycle_stage: 'active',
        creation_time: 0,
        last_update_time: 0,
        workspace: 'default',
      },
    ],
    registeredModels: [],
    modelVersions: [],
    runs: [],
  }
}

export interface NewRegisteredModel {
  readonly name: string
  readonly description?: string
  readonly tags?: Readonly<Record<string, string>>
  /** Milliseconds since 1970; default now. */
  readonly at?: number
}

export function addRegisteredModel(state: MlflowState, given: NewRegisteredModel): RegisteredModel {
  const at = given.at ?? Date.now()
  const model: RegisteredModel = {
    name: given.name,
    creation_timestamp: at,
    last_updated_timestamp: at,
    ...(given.description && { description: given.description }),
    ...(given.tags && { tags: pairs(given.tags) }),
  }
  state.registeredModels.push(model)
  return model
}

export interface NewModelVersion {
  readonly name: string
  readonly source?: string
  readonly runId?: string
  readonly stage?: string
  readonly description?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly at?: number
}

/** Adds the next version of a model. Throws when the model is not there. */
export function addModelVersion(state: MlflowState, given: NewModelVersion): ModelVersion {
  const at = given.at ?? Date.now()
  const model = modelNamed(state, given.name)
  const numbers = state.modelVersions.filter(({ name }) => name === given.name).map(({ version }) => Number(version))
  const added = makeModelVersion({ ...given, at }, Math.max(0, ...numbers) + 1)
  model.last_updated_timestamp = at
  state.modelVersions.push(added)
  return added
}

/** A version that is in no state yet. */
export function makeModelVersion(given: NewModelVersion & { readonly at: number }, number: number): ModelVersion {
  const { name, at } = given
  const version = String(number)
  return {
    name,
    version,
    creation_timestamp: at,
    last_updated_timestamp: at,
    current_stage: given.stage ?? 'None',
    description: given.description ?? '',
    source: given.source ?? `s3://models/${name}/${version}`,
    run_id: given.runId ?? '',
    run_link: '',
    status: 'READY',
    ...(given.tags && { tags: pairs(given.tags) }),
  }
}

/** Points an alias of a model at a version; it is taken from the version that had it. */
export function setAlias(state: MlflowState, name: string, alias: string, version: string): void {
  const model = modelNamed(state, name)
  model.aliases = [...(model.aliases ?? []).filter((one) => one.alias !== alias), { alias, version }]
}

/** Removes a model with its versions. */
export function removeRegisteredModel(state: MlflowState, name: string): void {
  state.registeredModels = state.registeredModels.filter((model) => model.name !== name)
  state.modelVersions = state.modelVersions.filter((version) => version.name !== name)
}

function modelNamed(state: MlflowState, name: string): RegisteredModel {
  const model = state.registeredModels.find((one) => one.name === name)
  if (!model) throw new Error(`The stand-in has no registered model "${name}"; add it first`)
  return model
}

function pairs(record: Readonly<Record<string, string>>): Pair[] {
  return Object.entries(record).map(([key, value]) => ({ key, value }))
}
