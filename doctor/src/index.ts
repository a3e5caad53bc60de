export { corpusPlans, type CorpusPlan } from './corpora.js'
export type { AttackOutcome, AttackResult, Corpus } from './corpus.js'
export { examine, type Findings } from './examine.js'
export {
  prepareGround,
  type Ground,
  type GroundAnswer,
  type GroundApplication,
  type GroundOptions,
  type GroundPlugin,
  type GroundTenant,
} from './ground.js'
