import type { EventActs } from '../installations/event-acts.js'
import type { Frames } from '../installations/frames.js'
import type { Observations } from '../installations/observations.js'
import type { PluginRequests } from '../installations/plugin-requests.js'
import type { PluginService } from '../installations/plugin-service.js'
import type { Uploads } from '../http/call-plugin-route.js'
import { createEndpoints } from '../http/endpoints.js'
import type { Endpoint } from '../http/endpoint.js'
import type { RunEndpoints } from '../http/run-endpoints.js'
import type { OperatorActs } from '../operator/operator-acts.js'

/** Every endpoint as it is described. None of them can be called: nothing is behind them. */
export const endpointTable = (): Endpoint[] =>
  createEndpoints({
    service: {} as PluginService,
    observations: {} as Observations,
    operator: {} as OperatorActs,
    longWork: {} as RunEndpoints,
    eventActs: {} as EventActs,
    requests: {} as PluginRequests,
    uploads: {} as Uploads,
    frames: {} as Frames,
  })
