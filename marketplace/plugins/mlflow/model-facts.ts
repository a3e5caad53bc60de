import type { Glimpse, ModelFacts, ModelRecord } from './model-records'
import type { Experiment, ModelVersion, RegisteredModel, Run } from './registry'

// What the server says of versions and runs, as what is stored of them.

export function glimpseOf({ name, version, stage, status, updatedAtMs }: ModelVersion): Glimpse {
  return { model_name: name, version, lifecycle_stage: stage, status, model_updated_at: isoOf(updatedAtMs) }
}

export function glimpseOfRun(run: Run): Glimpse {
  return {
    model_name: nameOfRun(run, undefined),
    version: run.id,
    lifecycle_stage: null,
    status: run.status,
    model_updated_at: isoOf(run.endedAtMs ?? run.startedAtMs),
  }
}

export function factsOf(
  version: ModelVersion,
  model: RegisteredModel | undefined,
  run: Run | undefined,
  experiment: Experiment | undefined,
): ModelFacts {
  return {
    name: version.name,
    version: version.version,
    content: [
      withoutAliasesOf(model, version),
      model?.description,
      model?.tags,
      model?.aliases.get(version.version),
      run,
      experiment,
    ],
    toRecord: () => toRecord(version, model, run, experiment),
  }
}

export function factsOfRun(run: Run, experiment: Experiment | undefined): ModelFacts {
  return {
    name: nameOfRun(run, experiment),
    version: run.id,
    content: [run, experiment],
    toRecord: () => toRunRecord(run, experiment),
  }
}

function nameOfRun(run: Run, experiment: Experiment | undefined): string {
  return run.name ?? experiment?.name ?? run.id
}

function toRecord(
  version: ModelVersion,
  model: RegisteredModel | undefined,
  run: Run | undefined,
  experiment: Experiment | undefined,
): ModelRecord {
  return recordFrom(run, experiment, {
    model_name: version.name,
    version: version.version,
    lifecycle_stage: version.stage,
    run_id: version.runId,
    description: version.description ?? model?.description ?? null,
    source: version.source,
    status: version.status,
    tags: { ...model?.tags, ...version.tags },
    model_created_at: isoOf(version.createdAtMs),
    model_updated_at: isoOf(version.updatedAtMs),
    aliases: aliasesOf(version, model),
  })
}

/** Asked about one version, MLflow names its aliases with it too: it is the same version as in the list. */
function withoutAliasesOf(model: RegisteredModel | undefined, version: ModelVersion): ModelVersion {
  const known = model?.aliases.get(version.version)
  if (!known || version.aliases.length === 0) return version
  return { ...version, aliases: version.aliases.filter((alias) => !known.includes(alias)) }
}

/** MLflow names them with the model; other servers also with the version. */
function aliasesOf({ version, aliases }: ModelVersion, model: RegisteredModel | undefined): string[] {
  const known = model?.aliases.get(version) ?? []
  return aliases.length === 0 ? known : [...new Set([...known, ...aliases])].sort()
}

/** A training run as a model: several runs of one name are its versions, so none of them takes another's place. */
function toRunRecord(run: Run, experiment: Experiment | undefined): ModelRecord {
  const tags = Object.entries(run.tags).filter(([key]) => !key.startsWith('mlflow.'))
  return recordFrom(run, experiment, {
    model_name: nameOfRun(run, experiment),
    version: run.id,
    lifecycle_stage: null,
    run_id: run.id,
    description: run.tags['mlflow.note.content'] ?? null,
    source: run.artifactLocation,
    status: run.status,
    tags: Object.fromEntries(tags),
    model_created_at: isoOf(run.startedAtMs),
    model_updated_at: isoOf(run.endedAtMs ?? run.startedAtMs),
    aliases: [],
  })
}

type OfTraining =
  | 'metrics'
  | 'parameters'
  | `experiment_${'id' | 'name'}`
  | 'artifact_location'
  | `training_${'status' | 'started_at' | 'ended_at'}`
  | 'source_version'

/** Every field by name: an object that is put together from parts takes four times as long, and a sync makes many. */
function recordFrom(
  run: Run | undefined,
  experiment: Experiment | undefined,
  own: Omit<ModelRecord, OfTraining>,
): ModelRecord {
  return {
    model_name: own.model_name,
    version: own.version,
    lifecycle_stage: own.lifecycle_stage,
    run_id: own.run_id,
    description: own.description,
    source: own.source,
    status: own.status,
    tags: own.tags,
    metrics: run?.metrics ?? {},
    parameters: run?.parameters ?? {},
    experiment_id: run?.experimentId ?? null,
    experiment_name: experiment?.name ?? null,
    artifact_location: experiment?.artifactLocation ?? null,
    training_status: run?.status ?? null,
    training_started_at: isoOf(run?.startedAtMs),
    training_ended_at: isoOf(run?.endedAtMs),
    source_version: run?.sourceVersion ?? null,
    model_created_at: own.model_created_at,
    model_updated_at: own.model_updated_at,
    aliases: own.aliases,
  }
}

function isoOf(milliseconds: number | null | undefined): string | null {
  return typeof milliseconds === 'number' ? new Date(milliseconds).toISOString() : null
}
