export type { AttackOutcome, AttackResult, Corpus } from './corpus.js'
export { egressCorpus, egressOptions } from './egress/egress-corpus.js'
export { createRecordingNetwork, type RecordingNetwork } from './egress/recording-network.js'
export {
  prepareGround,
  type Ground,
  type GroundAnswer,
  type GroundApplication,
  type GroundOptions,
  type GroundPlugin,
  type GroundTenant,
} from './ground.js'
export { roleCorpus, sqlCorpus } from './sql/sql-corpus.js'
