import type { PluginHostOptions, Tier } from '@tenon/host'
import type { Corpus } from './corpus.js'
import { egressCorpus, egressOptions } from './egress/egress-corpus.js'
import { createRecordingNetwork } from './egress/recording-network.js'
import type { Ground } from './ground.js'
import { buildCorpus, buildOptions } from './build/build-corpus.js'
import { startRegistries } from './build/registries.js'
import { faultOptions, faultsCorpus } from './faults/faults-corpus.js'
import { manifestCorpus, strictOptions } from './manifest/manifest-corpus.js'
import { pluginCorpus } from './plugins/plugin-corpus.js'
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
    name: 'plugins',
    about: 'code of a plugin in its process, in JavaScript and below it',
    async open() {
      let maxTier: Tier | undefined
      return {
        // As strong as the deployment has it, and no stronger.
        options: (deployment) => {
          maxTier = `T${deployment.maxTier ?? 3}`
          return {}
        },
        on: () => pluginCorpus(maxTier ? { maxTier } : {}),
      }
    },
  },
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
  {
    name: 'manifest',
    about: 'what a manifest may ask for, field by field, under a strict ceiling',
    open: async () => ({ options: strictOptions, on: manifestCorpus }),
  },
  {
    name: 'build',
    about: 'what a plugin that is source only can get hold of while it is bundled',
    async open() {
      const registries = await startRegistries()
      return {
        options: () => buildOptions(registries),
        on: (ground) => buildCorpus(ground, registries),
        close: () => registries.close(),
      }
    },
  },
  {
    name: 'faults',
    about: '1,000 crashes, hangs and floods of plugins, while others work',
    open: async () => ({ options: faultOptions, on: faultsCorpus }),
  },
]
