export { createCertificate, type Certificate } from './certificate.js'
export type { Fault } from './faults.js'
export { listen, type Listener, type ListenOptions } from './listener.js'
export type { LoggedRequest } from './request-log.js'
export { fillRegistry, postTo, type RegistrySize } from './mlflow/fill-registry.js'
export { generateState, type GeneratorOptions } from './mlflow/generate.js'
export { MLFLOW_VERSIONS, type MlflowRelease } from './mlflow/release.js'
export {
  startMlflowStandin,
  type MlflowAuthentication,
  type MlflowStandin,
  type MlflowStandinOptions,
} from './mlflow/mlflow-standin.js'
export {
  addModelVersion,
  addRegisteredModel,
  emptyState,
  removeRegisteredModel,
  setAlias,
  type NewModelVersion,
  type NewRegisteredModel,
} from './mlflow/state.js'
export type { Experiment, Metric, MlflowState, ModelVersion, Pair, RegisteredModel, Run } from './mlflow/wire.js'
export { startNpmRegistry, type NpmRegistry, type RegistryPackage } from './npm-registry.js'
export type { Message } from './slack/inbox.js'
export { startSlackStandin, type SlackStandin, type SlackStandinOptions } from './slack/slack-standin.js'
export type { Channel, Workspace, WorkspaceOptions } from './slack/workspace.js'
