import type { RouteRequest, RouteResult, Router } from '@tenon/sdk'
import { isConfigured } from './configuration'
import { routeStatusOf } from './mlflow-error'
import { findModel, listGroups, listModels, listVersions } from './model-list'
import { syncModels, type SyncResult } from './sync-models'
import type { SyncMode } from './sync-state'

/** Below `/api/plugins/mlflow`. */
export const router: Router = {
  'GET /models': async ({ sequelize, tenantId, configuration, query }) => ({
    data: await listModels(sequelize, tenantId, isConfigured(configuration), query),
  }),

  'GET /models/groups': async ({ sequelize, tenantId, query }) => {
    const groups = await listGroups(sequelize, tenantId, query)
    return groups ? { data: groups } : { status: 400, data: 'The models cannot be grouped by that.' }
  },

  'GET /models/:id': async ({ sequelize, tenantId, params }) => {
    const model = await findModel(sequelize, tenantId, params.id ?? '')
    return model ? { data: model } : { status: 404, data: 'There is no such model.' }
  },

  'GET /models/:id/versions': async ({ sequelize, tenantId, params }) => {
    const versions = await listVersions(sequelize, tenantId, params.id ?? '')
    return versions ? { data: { versions } } : { status: 404, data: 'There is no such model.' }
  },

  'POST /sync': (request) => answerSync('full', request),

  'POST /sync/quick': (request) => answerSync('quick', request),
}

async function answerSync(mode: SyncMode, request: RouteRequest): Promise<RouteResult> {
  const result = await syncModels(request.tenantId, request.configuration, request, mode)
  return { status: statusOf(result), data: result }
}

/** Only what passes by itself may be 429 or 502 to 504: the host tries that again. */
function statusOf({ success, failure }: SyncResult): number {
  if (success) return 200
  return failure === null ? 422 : routeStatusOf(failure)
}
