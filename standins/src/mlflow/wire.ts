/** The shapes that MLflow's REST API sends. A list that is empty is left out of an answer, as MLflow does. */

export interface Pair {
  key: string
  value: string
}

export interface Experiment {
  experiment_id: string
  name: string
  artifact_location: string
  lifecycle_stage: 'active' | 'deleted'
  last_update_time: number
  creation_time: number
  tags?: Pair[]
  workspace?: string
}

/** Without `latest_versions`, which follows from the versions. */
export interface RegisteredModel {
  name: string
  creation_timestamp: number
  last_updated_timestamp: number
  description?: string
  tags?: Pair[]
  aliases?: { alias: string; version: string }[]
}

/** Without `aliases`, which follows from the model. */
export interface ModelVersion {
  name: string
  version: string
  creation_timestamp: number
  last_updated_timestamp: number
  current_stage: string
  description: string
  source: string
  run_id: string
  run_link: string
  status: string
  tags?: Pair[]
}

export interface Metric {
  key: string
  /** MLflow sends the text `NaN` for what is not a number. */
  value: number | string
  timestamp: number
  step: number
}

export interface Run {
  info: {
    run_id: string
    run_uuid: string
    run_name: string
    experiment_id: string
    user_id: string
    status: string
    start_time: number
    end_time?: number
    artifact_uri: string
    lifecycle_stage: 'active' | 'deleted'
  }
  data: { metrics?: Metric[]; params?: Pair[]; tags?: Pair[] }
  inputs: Record<string, unknown>
  outputs?: Record<string, unknown>
}

/** All that a server holds. */
export interface MlflowState {
  experiments: Experiment[]
  registeredModels: RegisteredModel[]
  modelVersions: ModelVersion[]
  runs: Run[]
}
