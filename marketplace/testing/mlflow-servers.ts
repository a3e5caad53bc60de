import type { SeedContext } from '@tenon/sdk'
import { type MlflowStandin, type MlflowStandinOptions, startMlflowStandin } from '@tenon/standins'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { contextOf, type ObservedContext, startTestApplication, type TestApplication } from './test-application'

export interface TestMlflow {
  /** A server that ends with the test. */
  startMlflow(options?: MlflowStandinOptions): Promise<MlflowStandin>
  /** Ends something else with the test. */
  closeLater(server: { close(): Promise<void> }): void
  /** Which transaction wrote each record last: it changes whenever a record is written. */
  writers(): Promise<unknown[]>
}

interface Installable {
  install(userId: number, tenantId: string, configuration: object, context: SeedContext): Promise<unknown>
  uninstall(userId: number, tenantId: string, context: SeedContext): Promise<unknown>
}

/** One application for all tests of a file, in which the plugin is installed anew for each; `begin` is given both. */
export function installForEachTest(
  { install, uninstall }: Installable,
  begin: (prepared: { application: TestApplication; context: ObservedContext }) => void,
): TestMlflow {
  const servers: { close(): Promise<void> }[] = []
  let application: TestApplication
  let context: ObservedContext

  beforeAll(async () => {
    application = await startTestApplication()
  })
  afterAll(() => application.close())
  beforeEach(async () => {
    context = contextOf(application, application.one)
    begin({ application, context })
    await install(1, application.one.tenantId, {}, context)
  })
  afterEach(async () => {
    await uninstall(1, application.one.tenantId, context)
    await application.sequelize.query('DELETE FROM published')
    await Promise.all(servers.splice(0).map((server) => server.close()))
  })

  return {
    async startMlflow(options = {}) {
      const server = await startMlflowStandin(options)
      servers.push(server)
      return server
    },
    closeLater: (server) => void servers.push(server),
    async writers() {
      const rows = await application.sequelize.query(
        `SELECT xmin::text FROM "${application.one.tenantId}".mlflow_model_records ORDER BY id`,
        { type: 'SELECT' },
      )
      return rows.map(({ xmin }) => xmin)
    },
  }
}
