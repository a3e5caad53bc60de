import type { PluginModule } from '../seed-way/load-plugin.js'

export type SampleName = 'template' | 'greeting'

/** A small function of a plugin: how both hosts get to it. */
interface Sample {
  /** Of its entry in the seed's marketplace. */
  seedKey: string
  /** What a caller of our host asks for. */
  request: { pluginKey: string; method: string; path: string; query?: Record<string, unknown>; body?: unknown }
  callDirectly(module: PluginModule): Promise<unknown>
}

/** The same code behind both ways, and functions that do next to nothing: what a call costs is the way itself. */
export const samples: Record<SampleName, Sample> = {
  /** The data import template as the seed prints it, with an import of no rows. */
  template: {
    seedKey: 'risk-import',
    request: { pluginKey: 'template-3', method: 'POST', path: '/import', body: { csvData: [] } },
    callDirectly: (module) =>
      (module['importData'] as (rows: unknown[], tenantId: string, context: object) => Promise<unknown>)([], 'a', {}),
  },
  /** The smallest plugin that does something: forty lines without a dependency. */
  greeting: {
    seedKey: 'greeting',
    request: { pluginKey: 'greeting', method: 'GET', path: '/greeting', query: { name: 'Ada' } },
    callDirectly: (module) =>
      (module['router'] as Record<string, (request: object) => Promise<unknown>>)['GET /greeting']?.({
        query: { name: 'Ada' },
      }) ?? Promise.reject(new Error('the plugin has no such route')),
  },
}
