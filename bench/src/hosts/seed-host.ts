import path from 'node:path'
import type { PostgresConnection } from '@tenon/embedded-postgres'
import { Sequelize } from 'sequelize'
import { createSeedPluginService, createSeedTenant } from '../seed-way/plugin-service.js'
import { type EventLoopReport, watchEventLoop } from './event-loop.js'
import { answerQuestions } from './host-process.js'
import { samples, type SampleName } from './samples.js'
import { timeCalls } from './time-calls.js'

export interface SeedHostInput {
  connection: PostgresConnection
  marketplaceUrl: string
  directory: string
  tenantId: string
}

export type SeedHostCommands = Awaited<ReturnType<typeof startSeedHost>>['commands']

async function startSeedHost({ connection, marketplaceUrl, directory, tenantId }: SeedHostInput) {
  const { database, user, password, host, port } = connection
  const sequelize = new Sequelize(database, user, password, { host, port, dialect: 'postgres', logging: false })
  await createSeedTenant(sequelize, tenantId)
  const service = createSeedPluginService({
    sequelize,
    marketplaceUrl,
    directory: path.join(directory, 'temp/plugins'),
  })

  return {
    commands: {
      async install(pluginKey: string): Promise<{ ms: number; eventLoop: EventLoopReport }> {
        const finish = watchEventLoop()
        const startedAt = performance.now()
        await service.installPlugin(pluginKey, 1, tenantId)
        const ms = performance.now() - startedAt
        return { ms, eventLoop: await finish() }
      },

      /** The seed's way: the plugin is loaded for each call. */
      async callLoading(sample: SampleName, count: number): Promise<number[]> {
        const entry = await service.getPluginByKey(samples[sample].seedKey)
        return timeCalls(count, async () => samples[sample].callDirectly(await service.loadPluginCode(entry)))
      },

      /** The same with what the seed's service does before: the manifest, here over the shortest network there is. */
      callWithLookup: (sample: SampleName, count: number): Promise<number[]> =>
        timeCalls(count, async () => {
          const entry = await service.getPluginByKey(samples[sample].seedKey)
          return samples[sample].callDirectly(await service.loadPluginCode(entry))
        }),

      /** The same function without any way at all: loaded once, called in this process. */
      async callDirectly(sample: SampleName, count: number): Promise<number[]> {
        const loaded = await service.loadPluginCode(await service.getPluginByKey(samples[sample].seedKey))
        return timeCalls(count, () => samples[sample].callDirectly(loaded))
      },

      async list(times: number): Promise<void> {
        for (let done = 0; done < times; done += 1) {
          await service.getAllPlugins()
          await service.getInstalledPlugins(tenantId)
        }
      },
    },
    stop: () => sequelize.close(),
  }
}

answerQuestions(startSeedHost)
