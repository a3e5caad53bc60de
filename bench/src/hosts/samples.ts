import type { PluginModule } from '../seed-way/load-plugin.js'

export type SampleName = 'mlflow' | 'greeting'

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
  /** A plugin of the size that products have, here our own for MLflow, asked for a model that is not there. */
  mlflow: {
    seedKey: 'mlflow',
    request: { pluginKey: 'mlflow', method: 'GET', path: '/models/none' },
    callDirectly: (module) => callRoute(module, 'GET /models/:id', { tenantId: 'a', params: { id: 'none' } }),
  },
  /** The smallest plugin that does something: forty lines without a dependency. */
  greeting: {
    seedKey: 'greeting',
    request: { pluginKey: 'greeting', method: 'GET', path: '/greeting', query: { name: 'Ada' } },
    callDirectly: (module) => callRoute(module, 'GET /greeting', { query: { name: 'Ada' } }),
  },
}

function callRoute(module: PluginModule, route: string, request: object): Promise<unknown> {
  const handle = (module['router'] as Record<string, (request: object) => Promise<unknown>>)[route]
  return handle ? handle(request) : Promise.reject(new Error(`the plugin has no route ${route}`))
}
