import * as z from 'zod'
import { knownEvents } from '../events.js'
import type { Settings } from '../env.js'
import type { SampleService } from '../start/sample-services.js'
import { type Route, route } from './route.js'

interface ClientRoutesOptions {
  settings: Pick<Settings, 'registration'>
  version: string
  samples: readonly SampleService[]
}

const installationSchema = z
  .object({
    version: z.string(),
    registration: z.enum(['open', 'invite']),
  })
  .meta({ id: 'InstallationOfTenon' })

const sampleServiceSchema = z
  .object({
    pluginKey: z.string(),
    title: z.string(),
    description: z.string(),
    configuration: z.record(z.string(), z.unknown()).optional(),
    page: z.object({ title: z.string(), url: z.string() }).optional(),
  })
  .meta({ id: 'SampleService' })

const announcedEventSchema = z
  .object({ name: z.string(), title: z.string().describe('What has happened, in plain words') })
  .meta({ id: 'AnnouncedEvent' })

/** What the web client has to know of the server it came from. */
export function clientRoutes({ settings, version, samples }: ClientRoutesOptions): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/installation',
      tag: 'Operation',
      summary: 'What a page shows before anybody has signed in',
      access: 'anybody',
      answer: installationSchema,
      handle: async () => ({ version, registration: settings.registration }),
    }),
    route({
      method: 'get',
      path: '/api/event-names',
      tag: 'Operation',
      summary: 'The events that the application and its plugin host announce; plugins announce others',
      access: 'Auditor',
      answer: z.array(announcedEventSchema),
      handle: async () => [...knownEvents],
    }),
    route({
      method: 'get',
      path: '/api/sample-services',
      tag: 'Operation',
      summary: 'Services on this machine to try plugins with; none in production',
      access: 'Auditor',
      answer: z.array(sampleServiceSchema),
      handle: async () => [...samples],
    }),
  ]
}
