import { invalidParameter, notFound } from './mlflow-error.js'
import { cutPage, pageSize, type PageLimits } from './page.js'
import type { MlflowRelease } from './release.js'
import { filterRows, orderRows, valueOf, type Searchable } from './search.js'
import type { Experiment, MlflowState, ModelVersion, RegisteredModel, Run } from './wire.js'

/** The parameters of a request: from the query, or from the JSON body of a POST. */
export type Parameters = Readonly<Record<string, unknown>>
export type Endpoint = (state: MlflowState, parameters: Parameters, release: MlflowRelease) => Record<string, unknown>

const REGISTRY_KINDS = "Valid entity types are ('attribute', 'tag', 'tags')"

const MODELS: Searchable<RegisteredModel> & { limits: PageLimits } = {
  limits: { standard: 100, most: 1000 },
  kinds: ['attribute', 'tag'],
  validKinds: REGISTRY_KINDS,
  filterAttributes: ['name'],
  orderAttributes: ['name', 'timestamp', 'last_updated_timestamp'],
  thenBy: ['name ASC'],
  unknownOrder: (key) => `Invalid order by key '${key}' specified. Valid keys are '{'name', 'timestamp'}'`,
  read: (model, kind, key) => {
    if (kind === 'tag') return valueOf(model.tags, key)
    return key === 'name' ? model.name : model.last_updated_timestamp
  },
}

const VERSIONS: Searchable<ModelVersion> & { limits: PageLimits } = {
  limits: {
    standard: 10_000,
    most: 200_000,
    zeroIsWrong: 'Invalid value for max_results. It must be a positive integer, but got %',
  },
  kinds: ['attribute', 'tag'],
  validKinds: REGISTRY_KINDS,
  filterAttributes: ['name', 'version_number', 'run_id', 'source_path'],
  orderAttributes: ['name', 'version_number', 'creation_timestamp', 'last_updated_timestamp'],
  thenBy: ['name ASC', 'version_number DESC'],
  standardOrder: ['last_updated_timestamp DESC'],
  read: (version, kind, key) => {
    if (kind === 'tag') return valueOf(version.tags, key)
    if (key === 'version_number') return Number(version.version)
    if (key === 'source_path') return version.source
    return version[key as 'name' | 'run_id' | 'creation_timestamp' | 'last_updated_timestamp']
  },
}

const EXPERIMENTS: Searchable<Experiment> = {
  kinds: ['attribute', 'tag'],
  validKinds: "Valid entity types are ('attribute', 'tag')",
  filterAttributes: ['name', 'experiment_id', 'creation_time', 'last_update_time'],
  orderAttributes: ['name', 'experiment_id', 'creation_time', 'last_update_time'],
  thenBy: ['experiment_id DESC'],
  standardOrder: ['creation_time DESC', 'experiment_id ASC'],
  read: (experiment, kind, key) => {
    if (kind === 'tag') return valueOf(experiment.tags, key)
    if (key === 'experiment_id') return Number(experiment.experiment_id)
    return experiment[key as 'name' | 'creation_time' | 'last_update_time']
  },
}

const RUN_ATTRIBUTES = ['run_id', 'run_name', 'status', 'user_id', 'artifact_uri', 'start_time', 'end_time'] as const
type RunAttribute = (typeof RUN_ATTRIBUTES)[number]

const RUN_ATTRIBUTE_BY_OLD_NAME: Readonly<Record<string, RunAttribute>> = {
  created: 'start_time',
  Created: 'start_time',
  'run name': 'run_name',
  'Run name': 'run_name',
  'Run Name': 'run_name',
}

const RUNS: Searchable<Run> & { limits: PageLimits } = {
  limits: {
    standard: 1000,
    most: 50_000,
    zeroIsWrong: "Invalid value % for parameter 'max_results' supplied. It must be a positive integer",
  },
  kinds: ['attribute', 'tag', 'metric', 'param'],
  validKinds: "Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
  filterAttributes: [...RUN_ATTRIBUTES, ...Object.keys(RUN_ATTRIBUTE_BY_OLD_NAME)],
  orderAttributes: [...RUN_ATTRIBUTES, ...Object.keys(RUN_ATTRIBUTE_BY_OLD_NAME)],
  thenBy: ['start_time DESC', 'run_id ASC'],
  quotesInvalidClause: true,
  read: ({ info, data }, kind, key) => {
    if (kind === 'tag') return valueOf(data.tags, key)
    if (kind === 'param') return valueOf(data.params, key)
    if (kind === 'attribute') return info[RUN_ATTRIBUTE_BY_OLD_NAME[key] ?? (key as RunAttribute)]
    const metric = data.metrics?.find((one) => one.key === key)
    return metric && Number(metric.value)
  },
}

/** Endpoints that take their parameters from the query, by path below `/api/2.0/mlflow/`. */
export const getEndpoints: Readonly<Record<string, Endpoint>> = {
  'registered-models/search': (state, parameters, release) => {
    const versionsByName = groupByName(state.modelVersions)
    const { rows, nextPageToken } = page(state.registeredModels, parameters, MODELS)
    const order = release < 3 ? 'by version' : 'by stage'
    const models = rows.map((model) => withLatestVersions(model, versionsByName, order))
    return answer('registered_models', models, nextPageToken)
  },

  'registered-models/get': (state, parameters) => {
    const model = findModel(state, required(parameters, 'name'))
    return { registered_model: withLatestVersions(model, groupByName(state.modelVersions)) }
  },

  'registered-models/alias': (state, parameters, release) => {
    const alias = required(parameters, 'alias')
    const name = required(parameters, 'name')
    const unknown = invalidParameter(`Registered model alias ${alias} not found.`)
    if (release < 3 && !state.registeredModels.some((model) => model.name === name)) throw unknown
    const model = findModel(state, name)
    const version = model.aliases?.find((one) => one.alias === alias)?.version
    if (!version) throw unknown
    return { model_version: withAliases(findVersion(state, model.name, version), model) }
  },

  'model-versions/search': (state, parameters) => {
    const { rows, nextPageToken } = page(state.modelVersions, parameters, VERSIONS)
    return answer('model_versions', rows.map(withoutEmptyLists), nextPageToken)
  },

  'model-versions/get': (state, parameters) => {
    const name = required(parameters, 'name')
    const version = findVersion(state, name, required(parameters, 'version'))
    return { model_version: withAliases(version, findModel(state, name)) }
  },

  'experiments/search': searchExperiments,

  'experiments/get': (state, parameters) => {
    const id = required(parameters, 'experiment_id')
    const experiment = state.experiments.find((one) => one.experiment_id === id)
    if (!experiment) throw notFound(`No Experiment with id=${id} exists`)
    return { experiment: withoutEmptyLists(experiment) }
  },

  'runs/get': (state, parameters) => {
    const id = required(parameters, 'run_id')
    const run = state.runs.find(({ info }) => info.run_id === id)
    if (!run) throw notFound(`Run with id=${id} not found`)
    return { run: wireRun(run) }
  },
}

/** Endpoints that take their parameters from a JSON body. */
export const postEndpoints: Readonly<Record<string, Endpoint>> = {
  'experiments/search': searchExperiments,

  'runs/search': (state, parameters, release) => {
    const experimentIds = new Set(texts(parameters.experiment_ids))
    const visible = inView(parameters.run_view_type)
    const runs = state.runs.filter(({ info }) => experimentIds.has(info.experiment_id) && visible(info))
    const { rows, nextPageToken } = page(runs, parameters, { ...RUNS, looksNoFurther: release < 3 })
    return answer('runs', rows.map(wireRun), nextPageToken)
  },
}

function searchExperiments(
  state: MlflowState,
  parameters: Parameters,
  release: MlflowRelease,
): Record<string, unknown> {
  // Unlike its siblings this endpoint has no standard page size: without max_results it refuses.
  const size = Number(parameters.max_results ?? 0)
  const refusal = `Invalid value ${size} for parameter 'max_results' supplied. It must be `
  if (!(size > 0)) throw invalidParameter(`${refusal}a positive integer`)
  if (size > 50_000) throw invalidParameter(`${refusal}at most 50000`)

  const experiments = state.experiments.filter(inView(parameters.view_type))
  const limits = { standard: size, most: 50_000 }
  const { rows, nextPageToken } = page(experiments, parameters, { ...experimentsIn(release), limits })
  return answer('experiments', rows.map(withoutEmptyLists), nextPageToken)
}

function experimentsIn(release: MlflowRelease): Searchable<Experiment> {
  if (release >= 3) return EXPERIMENTS
  return { ...EXPERIMENTS, filterAttributes: EXPERIMENTS.filterAttributes.filter((name) => name !== 'experiment_id') }
}

function page<Row>(
  rows: readonly Row[],
  { filter, order_by, max_results, page_token }: Parameters,
  searchable: Searchable<Row> & { limits: PageLimits; looksNoFurther?: boolean },
): ReturnType<typeof cutPage<Row>> {
  const size = pageSize(max_results, searchable.limits)
  const found = filterRows(rows, filter === undefined ? undefined : String(filter), searchable)
  const ordered = orderRows(found, texts(order_by), searchable)
  const { looksNoFurther } = searchable
  return cutPage(ordered, { size, token: page_token ? String(page_token) : undefined, looksNoFurther })
}

function answer(name: string, rows: readonly unknown[], nextPageToken: string | undefined): Record<string, unknown> {
  return { ...(rows.length > 0 && { [name]: rows }), ...(nextPageToken && { next_page_token: nextPageToken }) }
}

/** The newest version in each stage. MLflow 3 lists them by stage in a search, by first version otherwise. */
function withLatestVersions(
  model: RegisteredModel,
  versionsByName: ReadonlyMap<string, readonly ModelVersion[]>,
  order: 'by stage' | 'by version' = 'by version',
): Record<string, unknown> {
  const latest = new Map<string, ModelVersion>()
  const versions = [...(versionsByName.get(model.name) ?? [])].sort((a, b) => Number(a.version) - Number(b.version))
  for (const version of versions) latest.set(version.current_stage, version)
  const listed = [...latest.values()]
  if (order === 'by stage') listed.sort((a, b) => (a.current_stage < b.current_stage ? -1 : 1))
  return withoutEmptyLists({ ...model, latest_versions: listed.map(withoutEmptyLists) })
}

function groupByName(versions: readonly ModelVersion[]): ReadonlyMap<string, readonly ModelVersion[]> {
  const groups = new Map<string, ModelVersion[]>()
  for (const version of versions) {
    const group = groups.get(version.name)
    if (group) group.push(version)
    else groups.set(version.name, [version])
  }
  return groups
}

function withAliases(version: ModelVersion, model: RegisteredModel): Record<string, unknown> {
  const aliases = (model.aliases ?? []).filter((one) => one.version === version.version).map(({ alias }) => alias)
  return withoutEmptyLists({ ...version, aliases })
}

function findModel(state: MlflowState, name: string): RegisteredModel {
  const model = state.registeredModels.find((one) => one.name === name)
  if (!model) throw notFound(`Registered Model with name=${name} not found`)
  return model
}

function findVersion(state: MlflowState, name: string, version: string): ModelVersion {
  const found = state.modelVersions.find((one) => one.name === name && one.version === version)
  if (!found) throw notFound(`Model Version (name=${name}, version=${version}) not found`)
  return found
}

function inView(view: unknown): (row: { lifecycle_stage: string }) => boolean {
  if (view === 'ALL') return () => true
  const stage = view === 'DELETED_ONLY' ? 'deleted' : 'active'
  return (row) => row.lifecycle_stage === stage
}

function wireRun(run: Run): unknown {
  return { ...run, data: withoutEmptyLists(run.data) }
}

function required(parameters: Parameters, name: string): string {
  const value = parameters[name]
  if (value === undefined || value === '') {
    throw invalidParameter(
      `Missing value for required parameter '${name}'. See the API docs for more information about request parameters.`,
    )
  }
  return String(value)
}

function texts(value: unknown): readonly string[] {
  return value === undefined ? [] : [value].flat().map(String)
}

function withoutEmptyLists(row: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => !(Array.isArray(value) && value.length === 0)))
}
