import { MlflowError } from './mlflow-error'
import type { Json, MlflowServer, Query } from './mlflow-server'

/** MLflow allows 1,000 for models and far more for the others; smaller pages keep one answer and one INSERT small. */
const MODELS_PER_PAGE = 1000
const EXPERIMENTS_PER_PAGE = 1000
const VERSIONS_PER_PAGE = 1000
const RUNS_PER_PAGE = 1000
/** Experiments that one question about runs names. */
const EXPERIMENTS_PER_QUESTION = 1000
/** Runs that one question names: 18 kB of text. */
const RUNS_PER_QUESTION = 500

/** What is known of a model as a whole. */
export interface RegisteredModel {
  description: string | null
  tags: Record<string, string>
  /** Aliases by version number. */
  aliases: Map<string, string[]>
}

export interface ModelVersion {
  name: string
  version: string
  stage: string | null
  description: string | null
  source: string | null
  status: string | null
  runId: string | null
  tags: Record<string, string>
  aliases: string[]
  createdAtMs: number | null
  updatedAtMs: number | null
}

export interface Experiment {
  name: string | null
  artifactLocation: string | null
}

/** As it is found in a list. */
export interface ListedExperiment {
  id: string
  createdAtMs: number | null
  facts: Experiment
}

export interface Run {
  id: string
  name: string | null
  experimentId: string | null
  status: string | null
  startedAtMs: number | null
  endedAtMs: number | null
  metrics: Record<string, unknown>
  parameters: Record<string, string>
  tags: Record<string, string>
  artifactLocation: string | null
  sourceVersion: string | null
}

/** Every registered model, page after page. */
export async function* readModels(server: MlflowServer): AsyncGenerator<[name: string, model: RegisteredModel][]> {
  const query = { max_results: String(MODELS_PER_PAGE) }
  for await (const page of pages((token) => server.get('registered-models/search', withToken(query, token)))) {
    yield listOf(page.registered_models).map((model) => [textOf(model.name) ?? '', toModel(model)])
  }
}

/** One registered model; undefined when it was deleted meanwhile. */
export async function readModel(server: MlflowServer, name: string): Promise<RegisteredModel | undefined> {
  const answer = await orMissing(server.get('registered-models/get', { name }))
  return answer && toModel(recordOf(answer.registered_model))
}

/** One version; undefined when it was deleted. */
export async function readVersion(
  server: MlflowServer,
  name: string,
  version: string,
): Promise<ModelVersion | undefined> {
  const answer = await orMissing(server.get('model-versions/get', { name, version }))
  return answer && toVersion(recordOf(answer.model_version))[0]
}

/** Every version of every model, last updated first, page after page. */
export async function* readVersions(server: MlflowServer): AsyncGenerator<ModelVersion[]> {
  const query = { max_results: String(VERSIONS_PER_PAGE), order_by: ['last_updated_timestamp DESC', 'name ASC'] }
  for await (const page of pages((token) => server.get('model-versions/search', withToken(query, token)))) {
    yield listOf(page.model_versions).flatMap(toVersion)
  }
}

/** Every experiment, page after page, deleted ones included: a model may come from one. */
export function readExperiments(server: MlflowServer): AsyncGenerator<ListedExperiment[]> {
  return searchExperiments(server, {})
}

/** Those that were made at this moment or later, newest first. */
export function readExperimentsSince(server: MlflowServer, createdMs: number): AsyncGenerator<ListedExperiment[]> {
  return searchExperiments(server, { filter: `creation_time >= ${createdMs}`, order_by: ['creation_time DESC'] })
}

async function* searchExperiments(server: MlflowServer, question: Json): AsyncGenerator<ListedExperiment[]> {
  const body = { max_results: EXPERIMENTS_PER_PAGE, view_type: 'ALL', ...question }
  const ask = (token: string | undefined): Promise<Json> =>
    server.post('experiments/search', token === undefined ? body : { ...body, page_token: token })
  for await (const page of pages(ask)) {
    yield listOf(page.experiments).map(toListedExperiment)
  }
}

export async function readExperiment(server: MlflowServer, id: string): Promise<Experiment | undefined> {
  return (await readListedExperiment(server, id))?.facts
}

/** One experiment, as it is listed; undefined when it was deleted for good. */
export async function readListedExperiment(server: MlflowServer, id: string): Promise<ListedExperiment | undefined> {
  const answer = await orMissing(server.get('experiments/get', { experiment_id: id }))
  return answer && toListedExperiment(recordOf(answer.experiment))
}

/** The run that a version was made by; undefined when it was deleted for good. */
export async function readRun(server: MlflowServer, runId: string): Promise<Run | undefined> {
  const run = await readWireRun(server, runId)
  return run && toRun(run)
}

/** The same; undefined also when it was deleted and could be restored. */
export async function readActiveRun(server: MlflowServer, runId: string): Promise<Run | undefined> {
  const run = await readWireRun(server, runId)
  return run && recordOf(run.info).lifecycle_stage !== 'deleted' ? toRun(run) : undefined
}

async function readWireRun(server: MlflowServer, runId: string): Promise<Json | undefined> {
  const answer = await orMissing(server.get('runs/get', { run_id: runId }))
  return answer && recordOf(answer.run)
}

/**
 * Finds the runs with these ids, those that were deleted included; who is gone for good is missing. A server that does not
 * let so many experiments be named is asked about half of them at a time, and so on; where that took more questions than
 * there are runs, or it cannot look for several, they are asked for one by one. What it takes is found out once.
 */
export function runsByIdOf(
  server: MlflowServer,
  experimentIds: readonly string[],
): (ids: readonly string[]) => Promise<Run[]> {
  const all = { run_view_type: 'ALL' satisfies RunView }
  let most = EXPERIMENTS_PER_QUESTION

  async function find(ids: readonly string[]): Promise<Run[]> {
    const filter = `attributes.run_id IN (${ids.map((id) => `'${id}'`).join(', ')})`
    while (most > 0 && experimentIds.length <= most * ids.length) {
      const named = Math.min(most, experimentIds.length)
      try {
        const found: Run[] = []
        for (const some of chunks(experimentIds, named))
          for await (const page of askForRuns(server, { ...all, filter, experiment_ids: some })) found.push(...page)
        return found
      } catch (error) {
        if (!(error instanceof MlflowError && [400, 413].includes(error.status ?? 0))) throw error
        most = Math.min(most, Math.floor(named / 2))
      }
    }
    const found: Run[] = []
    for (const id of ids) found.push(...[(await readRun(server, id)) ?? []].flat())
    return found
  }

  return async (ids) => (await Promise.all(chunks(ids.filter(isRunId), RUNS_PER_QUESTION).map(find))).flat()
}

/** Every run of these experiments, page after page. */
export function searchRuns(
  server: MlflowServer,
  experimentIds: readonly string[],
  { view }: { view: RunView },
): AsyncGenerator<Run[]> {
  return inParts(experimentIds, (some) => askForRuns(server, { run_view_type: view, experiment_ids: some }))
}

/** Runs that began or ended at this moment or later, last first, asked for in one question however many experiments. */
export function searchRunsSince(
  server: MlflowServer,
  experiment_ids: readonly string[],
  { attribute, sinceMs }: { attribute: 'start_time' | 'end_time'; sinceMs: number },
): AsyncGenerator<Run[]> {
  return askForRuns(server, {
    experiment_ids,
    run_view_type: 'ACTIVE_ONLY' satisfies RunView,
    filter: `attributes.${attribute} >= ${sinceMs}`,
    order_by: [`attributes.${attribute} DESC`],
  })
}

type RunView = 'ALL' | 'ACTIVE_ONLY'

/** Asks about all experiments, as many at a time as the server lets be named: half of those that it refused, and so on. */
export async function* inParts<Answer>(
  experimentIds: readonly string[],
  ask: (some: readonly string[]) => AsyncGenerator<Answer>,
): AsyncGenerator<Answer> {
  let most = EXPERIMENTS_PER_QUESTION
  for (let place = 0; place < experimentIds.length;) {
    const some = experimentIds.slice(place, place + most)
    const answers = ask(some)
    let first: IteratorResult<Answer>
    try {
      first = await answers.next()
    } catch (error) {
      if (some.length === 1 || !isRefusedQuestion(error)) throw error
      most = Math.ceil(some.length / 2)
      continue
    }
    if (!first.done) {
      yield first.value
      yield* answers
    }
    place += some.length
  }
}

/** Of a server that does not take so much at once, or does not know something any more that was named. */
export function isRefusedQuestion(error: unknown): boolean {
  return error instanceof MlflowError && [400, 404, 413].includes(error.status ?? 0)
}

async function* askForRuns(server: MlflowServer, question: Json): AsyncGenerator<Run[]> {
  const body = { ...question, max_results: RUNS_PER_PAGE }
  const ask = (token: string | undefined): Promise<Json> =>
    server.post('runs/search', token === undefined ? body : { ...body, page_token: token })
  for await (const page of pages(ask)) yield listOf(page.runs).map(toRun)
}

/** What stands in a filter must not be able to end it. */
function isRunId(id: string): boolean {
  return /^[\w.-]{1,100}$/.test(id)
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}

/** True when the registry answers at all. */
export async function probeRegistry(server: MlflowServer): Promise<void> {
  const answer = await server.get('registered-models/search', { max_results: '1' })
  const models = answer.registered_models
  if (models !== undefined && !Array.isArray(models)) {
    throw new MlflowError('answer', `${server.host} answers, but not like the model registry of MLflow 2 or 3.`)
  }
}

async function* pages(ask: (token: string | undefined) => Promise<Json>): AsyncGenerator<Json> {
  const seen = new Set<string>()
  let token: string | undefined
  do {
    const page = await ask(token)
    yield page
    token = textOf(page.next_page_token) ?? undefined
    if (token !== undefined && seen.has(token)) {
      throw new MlflowError('answer', 'The server keeps sending the same page.')
    }
    if (token !== undefined) seen.add(token)
  } while (token !== undefined)
}

function withToken(query: Query, token: string | undefined): Query {
  return token === undefined ? query : { ...query, page_token: token }
}

async function orMissing(answer: Promise<Json>): Promise<Json | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof MlflowError && error.errorCode === 'RESOURCE_DOES_NOT_EXIST') return undefined
    throw error
  }
}

/** Undefined where the server does not show it to whoever asks, or does not know how to. */
export async function unlessHidden<Item>(item: Promise<Item>): Promise<Item | undefined> {
  try {
    return await item
  } catch (error) {
    if (error instanceof MlflowError && [400, 403, 404, 405].includes(error.status ?? 0)) return undefined
    throw error
  }
}

function toModel(model: Json): RegisteredModel {
  const aliases = new Map<string, string[]>()
  for (const entry of listOf(model.aliases)) {
    const [alias, version] = [textOf(entry.alias), textOf(entry.version)]
    if (alias !== null && version !== null) aliases.set(version, [...(aliases.get(version) ?? []), alias].sort())
  }
  return { description: textOf(model.description), tags: pairsOf(model.tags), aliases }
}

function toVersion(version: Json): ModelVersion[] {
  const [name, number] = [textOf(version.name), textOf(version.version)]
  if (name === null || number === null) return []
  return [
    {
      name,
      version: number,
      stage: textOf(version.current_stage),
      description: textOf(version.description),
      source: textOf(version.source),
      status: textOf(version.status),
      runId: textOf(version.run_id),
      tags: pairsOf(version.tags),
      aliases: Array.isArray(version.aliases) ? version.aliases.flatMap((alias) => textOf(alias) ?? []) : [],
      createdAtMs: momentOf(version.creation_timestamp),
      updatedAtMs: momentOf(version.last_updated_timestamp),
    },
  ]
}

function toListedExperiment(experiment: Json): ListedExperiment {
  return {
    id: textOf(experiment.experiment_id) ?? '',
    createdAtMs: momentOf(experiment.creation_time),
    facts: toExperiment(experiment),
  }
}

function toExperiment(experiment: Json): Experiment {
  return { name: textOf(experiment.name), artifactLocation: textOf(experiment.artifact_location) }
}

function toRun(run: Json): Run {
  const info = recordOf(run.info)
  const data = recordOf(run.data)
  const tags = pairsOf(data.tags)
  return {
    id: textOf(info.run_id) ?? textOf(info.run_uuid) ?? '',
    name: textOf(info.run_name) ?? textOf(tags['mlflow.runName']),
    experimentId: textOf(info.experiment_id),
    status: textOf(info.status),
    startedAtMs: momentOf(info.start_time),
    endedAtMs: momentOf(info.end_time),
    metrics: metricsOf(data.metrics),
    parameters: pairsOf(data.params),
    tags,
    artifactLocation: textOf(info.artifact_uri),
    sourceVersion: tags['mlflow.source.git.commit'] ?? null,
  }
}

function metricsOf(value: unknown): Record<string, unknown> {
  return recordFrom(value, (pair) => pair.value ?? null)
}

function pairsOf(value: unknown): Record<string, string> {
  return recordFrom(value, (pair) => textOf(pair.value) ?? '')
}

/** In the order of the keys: a server may list them in another order each time. */
function recordFrom<Value>(value: unknown, read: (pair: Json) => Value): Record<string, Value> {
  const pairs = listOf(value).map((pair): [string, Value] => [textOf(pair.key) ?? '', read(pair)])
  if (pairs.length > 1) pairs.sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(pairs)
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(recordOf) : []
}

function recordOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

/** MLflow sends '' for what is not there, and some versions send numbers as text. */
function textOf(value: unknown): string | null {
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? String(value) : null
}

function momentOf(value: unknown): number | null {
  const milliseconds = Number(value ?? NaN)
  return milliseconds > 0 && milliseconds < 8.64e15 ? milliseconds : null
}
