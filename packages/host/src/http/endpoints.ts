import type { EventActs } from '../installations/event-acts.js'
import type { Frames } from '../installations/frames.js'
import type { Observations } from '../installations/observations.js'
import type { PluginRequests } from '../installations/plugin-requests.js'
import type { PluginService } from '../installations/plugin-service.js'
import type { OperatorActs } from '../operator/operator-acts.js'
import type { Uploads } from './call-plugin-route.js'
import { connectionEndpoints } from './connection-endpoints.js'
import type { Endpoint } from './endpoint.js'
import { eventEndpoints } from './event-endpoints.js'
import { frameEndpoints } from './frame-endpoints.js'
import { installationEndpoints } from './installation-endpoints.js'
import { marketplaceEndpoints } from './marketplace-endpoints.js'
import { observationEndpoints } from './observation-endpoints.js'
import { operatorEndpoints } from './operator-endpoints.js'
import { pluginEndpoints } from './plugin-endpoints.js'
import { requestEndpoints } from './request-endpoints.js'
import { runEndpoints, type RunEndpoints } from './run-endpoints.js'

/** S65 to S81, literals before parameters (C1). What follows them below `/:key` belongs to the plugins. */
export function createEndpoints({
  service,
  observations,
  operator,
  longWork,
  eventActs,
  requests,
  uploads,
  frames,
}: {
  service: PluginService
  observations: Observations
  operator: OperatorActs
  longWork: RunEndpoints
  eventActs: EventActs
  requests: PluginRequests
  uploads: Uploads
  frames: Pick<Frames, 'open'>
}): Endpoint[] {
  return [
    ...marketplaceEndpoints(service),
    ...operatorEndpoints(operator),
    ...runEndpoints(longWork),
    ...eventEndpoints(eventActs),
    ...requestEndpoints(requests),
    ...frameEndpoints(frames),
    ...installationEndpoints(service),
    ...observationEndpoints(observations),
    ...connectionEndpoints(service),
    ...pluginEndpoints(service, uploads),
  ]
}
