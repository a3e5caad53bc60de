import type { PluginHostOptions } from '@tenon/host'
import type { Corpus } from './corpus.js'
import { egressCorpus, egressOptions } from './egress/egress-corpus.js'
import { createRecordingNetwork } from './egress/recording-network.js'
import type { Ground } from './ground.js'
import { roleCorpus, sqlCorpus } from './sql/sql-corpus.js'

/** A corpus that was opened: how the ground must be set up for it, and what is to be closed after it. */
interface OpenCorpus {
  options?(deployment: Partial<PluginHostOptions>): Partial<PluginHostOptions>
  on(ground: Ground): Corpus
  close?(): Promise<void>
}

export interface CorpusPlan {
  name: string
  /** One line for a person. */
  about: string
  open(): Promise<OpenCorpus>
}

/** What never ends by itself is sent, too, and nobody learns more from waiting for it longer. */
const shortStatements = () => ({ limits: { tenancy: { statementTimeoutMs: 1_000 } } })

/** Every corpus there is, in the order in which the doctor runs them. */
export const corpusPlans: readonly CorpusPlan[] = [
  {
    name: 'sql',
    about: 'statements of a plugin, through the host',
    open: async () => ({ options: shortStatements, on: sqlCorpus }),
  },
  {
    name: 'role',
    about: 'the same statements on the plugin’s bare database role',
    open: async () => ({ options: shortStatements, on: roleCorpus }),
  },
  {
    name: 'egress',
    about: 'addresses, names, redirects and sockets; nothing leaves the machine',
    async open() {
      const network = await createRecordingNetwork()
      return {
        options: ({ grantable }) => egressOptions(network, grantable),
        on: (ground) => egressCorpus(ground, network),
        close: () => network.close(),
      }
    },
  },
]
