import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { RouteRequest, RouteResult } from '@tenon/sdk'
import {
  addModelVersion,
  addRegisteredModel,
  emptyState,
  type MlflowRelease,
  type MlflowStandinOptions,
  removeRegisteredModel,
  setAlias,
} from '@tenon/standins'
import { beforeEach, describe, expect, it } from 'vitest'
import { installForEachTest } from '../../testing/mlflow-servers'
import type { ObservedContext, TestApplication } from '../../testing/test-application'
import {
  configure,
  getMLflowModels,
  install,
  router,
  syncModels,
  testConnection,
  uninstall,
  validateConfig,
} from './index'
import { readConfiguration } from './configuration'
import { errorOfConnection } from './mlflow-error'
import { apiUrl, connectMlflow } from './mlflow-server'
import { storableJson } from './model-records'

const tenant = 'a4ayc80OGd'
let application: TestApplication
let context: ObservedContext
const { startMlflow, closeLater, writers } = installForEachTest({ install, uninstall }, (prepared) => {
  ;({ application, context } = prepared)
})

const releases: readonly MlflowRelease[] = [2, 3]

const configurationFor = ({ url }: { url: string }, more: object = {}): Record<string, unknown> => ({
  tracking_server_url: url,
  auth_method: 'none',
  verify_ssl: true,
  timeout: 5,
  ...more,
})

async function stored(): Promise<Record<string, unknown>[]> {
  return application.sequelize.query(`SELECT * FROM "${tenant}".mlflow_model_records ORDER BY id`, { type: 'SELECT' })
}

async function call(route: string, request: Partial<RouteRequest> = {}): Promise<RouteResult> {
  const handler = router[route]
  if (typeof handler !== 'function') throw new Error(`There is no route ${route}`)
  const [method = '', path = ''] = route.split(' ')
  const nothing = { params: {}, query: {}, body: undefined, configuration: {}, userId: 1 }
  return handler({ ...context, ...nothing, method, path, ...request })
}

describe('installing', () => {
  it('makes the table with the columns that are documented, and may be repeated', async () => {
    await install(1, tenant, {}, context)
    const columns = await application.sequelize.query<{ column_name: string }>(
      `SELECT column_name FROM information_schema.columns
       WHERE table_schema = :tenant AND table_name = 'mlflow_model_records' ORDER BY ordinal_position`,
      { replacements: { tenant }, type: 'SELECT' },
    )
    expect(columns.map(({ column_name }) => column_name)).toEqual(
      `id model_name version lifecycle_stage run_id description source status tags metrics parameters experiment_id
       experiment_name artifact_location training_status training_started_at training_ended_at source_version
       model_created_at model_updated_at last_synced_at created_at updated_at aliases removed_at content_digest`.split(
        /\s+/,
      ),
    )
  })

  it('takes over the table of an earlier release, with its short texts', async () => {
    await uninstall(1, tenant, context)
    await application.sequelize.query(`CREATE TABLE "${tenant}".mlflow_model_records (
      id serial PRIMARY KEY, model_name varchar(255) NOT NULL, version varchar(50) NOT NULL,
      lifecycle_stage varchar(50), run_id varchar(100), description text, source varchar(255), status varchar(50),
      tags jsonb NOT NULL DEFAULT '{}', metrics jsonb NOT NULL DEFAULT '{}', parameters jsonb NOT NULL DEFAULT '{}',
      experiment_id varchar(255), experiment_name varchar(255), artifact_location varchar(255),
      training_status varchar(50), training_started_at timestamp, training_ended_at timestamp,
      source_version varchar(255), model_created_at timestamp, model_updated_at timestamp, last_synced_at timestamp,
      created_at timestamp NOT NULL DEFAULT now(), updated_at timestamp NOT NULL DEFAULT now(),
      CONSTRAINT mlflow_model_records_unique UNIQUE (model_name, version))`)
    await install(1, tenant, {}, context)
    const state = emptyState()
    addRegisteredModel(state, { name: 'long' })
    addModelVersion(state, { name: 'long', source: `s3://${'x'.repeat(400)}` })
    expect(await syncModels(tenant, configurationFor(await startMlflow({ models: state })), context)).toMatchObject({
      success: true,
    })
  })

  it('can be undone, also when the table is already gone', async () => {
    await syncModels(tenant, configurationFor(await startMlflow()), context)
    expect((await uninstall(1, tenant, context)).message).toContain('24 model versions')
    expect((await uninstall(1, tenant, context)).message).toContain('0 model versions')
  })
})

describe('the configuration', () => {
  const good = { tracking_server_url: 'https://mlflow.example', auth_method: 'none' }

  it.each([
    ['the least that is needed', good],
    ['texts from an older form', { ...good, verify_ssl: 'true', timeout: '30' }],
    ['training runs as models', { ...good, models_from: 'runs' }],
    ['the shortest timeout', { ...good, timeout: 1 }],
    ['the longest timeout', { ...good, timeout: 300 }],
    ['basic authentication', { ...good, auth_method: 'basic', username: 'u', password: 'p' }],
    ['a token', { ...good, auth_method: 'token', api_token: 't' }],
  ])('may be %s', async (_, config) => {
    expect(validateConfig(config)).toEqual({ valid: true, errors: [] })
    expect(await configure(1, tenant, config, context)).toMatchObject({ success: true })
  })

  it.each([
    ['nothing', {}, 'Configuration is required'],
    ['no server', { auth_method: 'none' }, 'Tracking server URL is required'],
    ['another protocol', { ...good, tracking_server_url: 'file:///etc/passwd' }, 'http or https'],
    ['no address', { ...good, tracking_server_url: 'mlflow' }, 'http or https'],
    ['a password in the address', { ...good, tracking_server_url: 'https://a:b@mlflow.example' }, 'use the fields'],
    ['no method', { ...good, auth_method: '' }, 'Authentication method is required'],
    ['another method', { ...good, auth_method: 'kerberos' }, 'must be one of'],
    ['no password', { ...good, auth_method: 'basic', username: 'u' }, 'Username and password required'],
    ['no token', { ...good, auth_method: 'token' }, 'API token required'],
    ['a token with a line break', { ...good, auth_method: 'token', api_token: 'a\r\nx: y' }, 'cannot be sent'],
    ['models from elsewhere', { ...good, models_from: 'dreams' }, 'must come from one of'],
    ['a timeout below', { ...good, timeout: 0.5 }, 'between 1 and 300'],
    ['a timeout above', { ...good, timeout: 301 }, 'between 1 and 300'],
  ])('may not be %s', async (_, config, message) => {
    const { valid, errors } = validateConfig(config)
    expect(valid).toBe(false)
    expect(errors.join()).toContain(message)
    expect(await configure(1, tenant, config, context)).toMatchObject({ success: false })
  })

  it('may name a server that is down: saving does not need it', async () => {
    const config = { ...good, tracking_server_url: 'http://127.0.0.1:9' }
    expect(await configure(1, tenant, config, context)).toMatchObject({ success: true })
  })
})

describe('the address of an endpoint', () => {
  const path = 'model-versions/search'
  const query = { max_results: '2', order_by: ['last_updated_timestamp DESC', 'name ASC'] }

  it.each([
    ['http://localhost:5000', 'http://localhost:5000/api/2.0/mlflow/'],
    ['http://localhost:5000///', 'http://localhost:5000/api/2.0/mlflow/'],
    [' https://mlflow.example/tools/mlflow/ ', 'https://mlflow.example/tools/mlflow/api/2.0/mlflow/'],
    // A workspace of Databricks, on Azure, on AWS, and behind a gateway of its own.
    [
      'https://adb-5555555555555555.19.azuredatabricks.net/',
      'https://adb-5555555555555555.19.azuredatabricks.net/api/2.0/mlflow/',
    ],
    [
      'https://dbc-a1b2c3d4-e5f6.cloud.databricks.com',
      'https://dbc-a1b2c3d4-e5f6.cloud.databricks.com/api/2.0/mlflow/',
    ],
    ['https://gateway.example/databricks/eu', 'https://gateway.example/databricks/eu/api/2.0/mlflow/'],
  ])('of %s begins with %s', (tracking_server_url, start) => {
    const { baseUrl } = readConfiguration({ tracking_server_url })
    expect(apiUrl(baseUrl, path, query).href).toBe(
      `${start}${path}?max_results=2&order_by=last_updated_timestamp+DESC&order_by=name+ASC`,
    )
  })

  it.each(['databricks', 'databricks://profile', 'https://dbc-a1b2.cloud.databricks.com/?o=5555'])(
    'cannot be made of %s, and the form says so',
    (tracking_server_url) => {
      expect(validateConfig({ tracking_server_url, auth_method: 'token', api_token: 't' })).toMatchObject({
        valid: false,
        errors: [expect.stringMatching(/http or https address|without \? or #/)],
      })
    },
  )
})

describe('the connection test', () => {
  const steps = (result: Awaited<ReturnType<typeof testConnection>>): string =>
    result.steps.map(({ name, ok }) => `${ok ? '+' : '-'}${name}`).join(' ')

  it.each([
    ['at the root', {}],
    ['below a path', { pathPrefix: '/tools/mlflow' }],
  ])('finds a server %s, with or without a slash at the end', async (_, options) => {
    const server = await startMlflow(options)
    for (const end of ['', '/', '//']) {
      const result = await testConnection(configurationFor({ url: server.url + end }))
      expect(result).toMatchObject({ success: true, serverVersion: '3.17.2' })
      expect(steps(result)).toBe('+Configuration +Connection +Sign-in +Model registry')
    }
  })

  it('signs in with a user name and password', async () => {
    const server = await startMlflow({ auth: { kind: 'basic', username: 'ada', password: 'p:ä' } })
    const basic = { auth_method: 'basic', username: 'ada' }
    expect(await testConnection(configurationFor(server, { ...basic, password: 'p:ä' }))).toMatchObject({
      success: true,
    })
    const refused = await testConnection(configurationFor(server, { ...basic, password: 'wrong' }))
    expect(steps(refused)).toBe('+Configuration +Connection -Sign-in')
    expect(refused.message).toContain('refused the sign-in (401)')
    expect(JSON.stringify(refused)).not.toContain('wrong')
  })

  it('signs in with a token', async () => {
    const server = await startMlflow({ auth: { kind: 'bearer', token: 'secret' } })
    const result = await testConnection(configurationFor(server, { auth_method: 'token', api_token: 'secret' }))
    expect(result).toMatchObject({ success: true })
  })

  it.each([
    [403, '-Sign-in', 'does not let you read'],
    [404, '-Model registry', 'no MLflow API at this address'],
    [302, '-Model registry', 'redirects to another address'],
    [429, '-Model registry', 'too many requests'],
    [500, '-Model registry', 'a problem of its own (500)'],
  ])('explains a %i', async (status, step, message) => {
    const server = await startMlflow()
    server.failNext({
      path: 'registered-models/search',
      status,
      body: 'internal: token=abc',
      headers: { location: 'http://10.0.0.1/' },
    })
    const result = await testConnection(configurationFor(server))
    expect(steps(result)).toContain(step)
    expect(result.message).toContain(message)
    expect(JSON.stringify(result)).not.toMatch(/token=abc|10\.0\.0\.1/)
  })

  it('does not send credentials on to where it is redirected', async () => {
    const [server, other] = [await startMlflow(), await startMlflow()]
    server.failNext({
      path: 'registered-models/search',
      status: 307,
      headers: { location: `${other.url}/api/2.0/mlflow/registered-models/search` },
    })
    await testConnection(configurationFor(server, { auth_method: 'token', api_token: 't' }))
    expect(other.requests).toEqual([])
  })

  it('explains a page that is no API', async () => {
    const server = await startMlflow()
    server.failNext({ path: 'registered-models/search', status: 200, body: '<html>Sign in</html>' })
    expect((await testConnection(configurationFor(server))).message).toContain(
      'did not answer with JSON. Is this the address of an MLflow tracking server, and is no page for signing in before it?',
    )
  })

  it('explains that nothing listens', async () => {
    const result = await testConnection(configurationFor({ url: 'http://127.0.0.1:9' }))
    expect(steps(result)).toBe('+Configuration -Connection')
    expect(result.message).toContain('Nothing answers at 127.0.0.1:9')
  })

  it('explains a name that does not exist', async () => {
    const { message } = await testConnection(configurationFor({ url: 'http://no-such-host.invalid' }))
    expect(message).toContain('The name no-such-host.invalid cannot be found')
  })

  it('gives up after the timeout', async () => {
    const server = await startMlflow()
    server.failNext({ path: 'registered-models/search', status: 'hang' })
    const { message } = await testConnection(configurationFor(server, { timeout: '1' }))
    expect(message).toContain('did not answer within 1 s')
  })

  it('checks the certificate unless it is told not to', async () => {
    const server = await startMlflow({ tls: true })
    expect((await testConnection(configurationFor(server))).message).toContain('not signed by an authority')
    for (const verify_ssl of [false, 'false']) {
      expect(await testConnection(configurationFor(server, { verify_ssl }))).toMatchObject({ success: true })
    }
  })

  it('explains a server that does not speak TLS', async () => {
    const { url } = await startMlflow()
    const { message } = await testConnection(configurationFor({ url: url.replace('http:', 'https:') }))
    expect(message).toContain('does not speak TLS')
  })

  it('explains a connection that is dropped', async () => {
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closeLater({ close: () => new Promise((resolve) => server.close(() => resolve())) })
    const { port } = server.address() as AddressInfo
    expect((await testConnection(configurationFor({ url: `http://127.0.0.1:${port}` }))).message).toContain(
      'ended the connection',
    )
  })
})

describe.each(releases)('a full synchronisation, with MLflow %i', (release) => {
  const mlflow = (options: MlflowStandinOptions = {}) => startMlflow({ release, ...options })

  it('stores every version with its run, experiment, tags and aliases', async () => {
    const server = await mlflow()
    const result = await syncModels(tenant, configurationFor(server), context)
    expect(result).toMatchObject({
      success: true,
      modelCount: 8,
      versionCount: 24,
      inserted: 24,
      updated: 0,
      removed: 0,
      status: 'success',
    })
    const records = await stored()
    expect(records).toHaveLength(24)
    expect(records.find(({ model_name, version }) => model_name === 'credit-scoring' && version === '2')).toMatchObject(
      {
        lifecycle_stage: 'Production',
        description: 'Scores loan applications',
        source: 's3://models/credit-scoring/2',
        status: 'READY',
        tags: { team: 'risk' },
        aliases: ['champion'],
        metrics: { auc: expect.any(Number) as number },
        parameters: { depth: expect.any(String) as string },
        experiment_id: expect.any(String) as string,
        experiment_name: expect.any(String) as string,
        artifact_location: expect.stringContaining('mlflow-artifacts:/') as string,
        training_status: 'FINISHED',
        training_started_at: expect.any(Date) as Date,
        model_updated_at: new Date('2026-01-05T08:02:00Z'),
        removed_at: null,
      },
    )
    expect(context.progressed.at(-1)).toMatchObject({ done: 24 })
  })

  it('follows every page', async () => {
    const server = await mlflow({
      models: { registeredModels: 1_100, versionsPerModel: 1, experiments: 1_050, runs: 40 },
    })
    const result = await syncModels(tenant, configurationFor(server), context)
    expect(result).toMatchObject({
      success: true,
      modelCount: 1_100,
      versionCount: 1_100,
      inserted: 1_100,
      runsMissing: 0,
    })
    expect((await stored()).filter(({ experiment_name }) => experiment_name === null)).toEqual([])
  })

  it('writes nothing when nothing has changed', async () => {
    const server = await mlflow()
    await syncModels(tenant, configurationFor(server), context)
    const before = await writers()
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({
      success: true,
      inserted: 0,
      updated: 0,
      removed: 0,
    })
    expect(await writers()).toEqual(before)
  })

  it('writes only what has changed, and moves updated_at', async () => {
    const server = await mlflow()
    await syncModels(tenant, configurationFor(server), context)
    const [before, writersBefore] = [await stored(), await writers()]
    setAlias(server.state, 'churn-prediction', 'challenger', '1')
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({ inserted: 0, updated: 1 })
    const [after, writersAfter] = [await stored(), await writers()]
    const changed = after.filter((_, index) => writersAfter[index] !== writersBefore[index])
    expect(changed).toMatchObject([{ model_name: 'churn-prediction', version: '1', aliases: ['challenger'] }])
    const earlier = before.find(({ id }) => id === changed[0]?.id)
    expect(Number(changed[0]?.updated_at)).toBeGreaterThan(Number(earlier?.updated_at))
  })

  it('marks what was removed, and takes the mark away when it is back', async () => {
    const server = await mlflow()
    await syncModels(tenant, configurationFor(server), context)
    const { registeredModels, modelVersions } = structuredClone(server.state)
    removeRegisteredModel(server.state, 'fraud-detection')
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({ removed: 3, versionCount: 21 })
    expect((await stored()).filter(({ removed_at }) => removed_at !== null)).toHaveLength(3)
    Object.assign(server.state, { registeredModels, modelVersions })
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({
      removed: 0,
      inserted: 0,
      updated: 3,
    })
    expect((await stored()).filter(({ removed_at }) => removed_at !== null)).toEqual([])
  })

  it('accepts an empty registry', async () => {
    const result = await syncModels(tenant, configurationFor(await mlflow({ models: emptyState() })), context)
    expect(result).toMatchObject({ success: true, modelCount: 0, versionCount: 0, status: 'no_models' })
  })

  it('stores long addresses, numbers that JSON does not have, and a run that is gone', async () => {
    const state = emptyState()
    addRegisteredModel(state, { name: 'fraud detection (EU) – "v2"', description: `It's \\ a : test ? \u0000 \ud800` })
    addModelVersion(state, { name: 'fraud detection (EU) – "v2"', source: `s3://${'x'.repeat(400)}`, runId: 'gone' })
    const server = await mlflow({ models: state })
    const result = await syncModels(tenant, configurationFor(server), context)
    expect(result).toMatchObject({ success: true, inserted: 1, runsMissing: 1 })
    expect((await stored())[0]).toMatchObject({
      model_name: 'fraud detection (EU) – "v2"',
      description: expect.stringContaining(`It's \\ a : test ?`) as string,
    })
  })

  it('asks for the runs of a whole page at once', async () => {
    const server = await mlflow({ models: { registeredModels: 300, versionsPerModel: 1, runs: 200 } })
    await syncModels(tenant, configurationFor(server), context)
    expect(server.requests.map(({ path }) => path.split('/mlflow/')[1]).sort()).toEqual([
      'experiments/search',
      'model-versions/search',
      'registered-models/search',
      'runs/search',
    ])
  })

  it('asks for runs one by one where the server cannot look for several', async () => {
    const server = await mlflow()
    server.failNext({ path: 'runs/search', status: 400, times: 100, body: { error_code: 'INVALID_PARAMETER_VALUE' } })
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({
      success: true,
      versionCount: 24,
      runsMissing: 0,
    })
    expect(server.requests.filter(({ path }) => path.endsWith('runs/get')).length).toBeGreaterThan(2)
    expect(server.requests.filter(({ path }) => path.endsWith('runs/search')).length).toBeLessThan(5)
  })

  it.each([
    ['about half of the experiments at a time, and so on, where it does not take all', 100, { search: 12, get: 0 }],
    ['one by one, where that takes fewer questions', 1, { search: 7, get: 100 }],
  ])('asks for the runs of a page %s', async (_, mostExperiments, questions) => {
    const models = { registeredModels: 100, versionsPerModel: 1, runs: 100, experiments: 600 }
    const server = await mlflow({ models, mostExperiments })
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({
      success: true,
      versionCount: 100,
      runsMissing: 0,
    })
    const count = (path: string) => server.requests.filter((asked) => asked.path.endsWith(path)).length
    expect({ search: count('runs/search'), get: count('runs/get') }).toEqual(questions)
    expect((await stored()).filter(({ training_status }) => training_status !== null)).toHaveLength(100)
  })

  it('survives a server that is busy for a moment', async () => {
    const server = await mlflow()
    server.failNext({ path: 'runs/search', status: 503, times: 2 })
    server.failNext({ path: 'model-versions/search', status: 'reset' })
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({
      success: true,
      versionCount: 24,
    })
  })

  it('fails when a page fails, says what was kept, and marks nothing as removed', async () => {
    const models = { registeredModels: 300, versionsPerModel: 1 }
    const server = await mlflow({ models })
    await syncModels(tenant, configurationFor(server), context)
    removeRegisteredModel(server.state, 'fraud-detection')
    for (let index = 0; index < 1_050; index += 1) addModelVersion(server.state, { name: 'credit-scoring' })
    server.failNext({ path: 'model-versions/search', status: 500, after: 1, body: 'select * from secrets' })
    const result = await syncModels(tenant, configurationFor(server), context)
    expect(result).toMatchObject({ success: false, status: 'failed', inserted: 1_000, removed: 0 })
    expect(result.message).toContain('1000 records were written before that and are kept')
    expect(result.message).not.toContain('secrets')
    expect((await stored()).filter(({ removed_at }) => removed_at !== null)).toEqual([])
    expect(await getMLflowModels(tenant, configurationFor(server), context)).toMatchObject({
      configured: true,
      connected: false,
      error: result.message,
      total: 1_300,
    })
  })

  it.each([
    ['model-versions/search', 'registry', { registeredModels: 4, versionsPerModel: 300 }, 1_120],
    ['runs/search', 'runs', { runs: 1_200 }, 1_120],
    ['registered-models/search', 'registry', { registeredModels: 1_200, versionsPerModel: 1 }, 0],
    ['experiments/search', 'runs', { experiments: 1_200, runs: 1_200 }, 0],
  ] as const)(
    'fails when a late page of very many fails (%s), and takes up the rest later',
    async (path, from, models, kept) => {
      const server = await mlflow({ models, mostPerPage: 20 })
      const configuration = configurationFor(server, { models_from: from })
      server.failNext({ path, status: 500, after: 56 })
      const result = await syncModels(tenant, configuration, context)
      expect(result).toMatchObject({ success: false, status: 'failed', inserted: kept, removed: 0 })
      expect(result.message).toContain(kept === 0 ? 'Nothing was changed' : `${kept} records were written before that`)
      expect(await stored()).toHaveLength(kept)
      // As there was no full one, this cannot be a quick one either.
      expect(await syncModels(tenant, configuration, context, 'quick')).toMatchObject({
        success: true,
        mode: 'full',
        inserted: 1_200 - kept,
        updated: 0,
        removed: 0,
      })
      expect(await stored()).toHaveLength(1_200)
    },
  )

  it('asks again for few of the runs that several versions come from, also when they are pages apart', async () => {
    const models = { registeredModels: 600, versionsPerModel: 1, runs: 30 }
    const server = await mlflow({ models, mostPerPage: 100 })
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({ success: true, runsMissing: 0 })
    // Those of the pages that are asked for ahead are not known yet.
    expect(server.requests.filter(({ path }) => path.endsWith('runs/search')).length).toBeLessThanOrEqual(4)
    expect((await stored()).filter(({ run_id }) => run_id === null)).toEqual([])
  })

  it('knows again what has a name that Postgres cannot hold', async () => {
    const state = emptyState()
    addRegisteredModel(state, { name: 'odd\u0000name' })
    addModelVersion(state, { name: 'odd\u0000name' })
    const server = await mlflow({ models: state })
    await syncModels(tenant, configurationFor(server), context)
    const before = await writers()
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({
      inserted: 0,
      updated: 0,
      removed: 0,
    })
    expect(await writers()).toEqual(before)
  })

  it('takes nothing for removed that a synchronisation beside it has just added', async () => {
    const server = await mlflow()
    const table = `"${tenant}".mlflow_model_records`
    await syncModels(tenant, configurationFor(server), context)
    // The last record is there, and the one before comes between the look and the write.
    const [before] = await application.sequelize.query<Record<string, unknown>>(
      `DELETE FROM ${table} AS one WHERE id = (SELECT max(id) - 1 FROM ${table}) RETURNING to_jsonb(one) AS row`,
      { type: 'SELECT' },
    )
    const query = (async (sql: string, options?: object) => {
      if (sql.includes('INSERT INTO')) {
        await application.sequelize.query(
          `INSERT INTO ${table} SELECT (jsonb_populate_record(CAST(NULL AS ${table}), CAST($1 AS jsonb))).*
           ON CONFLICT DO NOTHING`,
          { bind: [JSON.stringify(before?.row)] },
        )
      }
      return application.sequelize.query(sql, options)
    }) as typeof application.sequelize.query
    const beside = { ...context, sequelize: { ...application.sequelize, query } as typeof application.sequelize }
    expect(await syncModels(tenant, configurationFor(server), beside)).toMatchObject({ success: true, removed: 0 })
    expect(await stored()).toHaveLength(24)
  })

  it('fails, and does not run for ever, when the server repeats a page', async () => {
    const server = await mlflow()
    server.failNext({
      path: 'registered-models/search',
      status: 200,
      times: 5,
      body: { registered_models: [], next_page_token: 'again' },
    })
    const result = await syncModels(tenant, configurationFor(server), context)
    expect(result).toMatchObject({ success: false, message: expect.stringContaining('the same page') as string })
  })

  it('says of models without a version that there are some', async () => {
    const state = emptyState()
    addRegisteredModel(state, { name: 'planned' })
    const server = await mlflow({ models: state })
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({
      success: true,
      status: 'no_models',
      modelCount: 1,
      message: 'The server has 1 registered model, and no version of it.',
    })
    addRegisteredModel(state, { name: 'planned, too' })
    const { message } = await syncModels(tenant, configurationFor(server), context)
    expect(message).toBe('The server has 2 registered models, and no version of them.')
  })

  it('counts one as one', async () => {
    const state = emptyState()
    addRegisteredModel(state, { name: 'only' })
    addModelVersion(state, { name: 'only' })
    const { message } = await syncModels(tenant, configurationFor(await mlflow({ models: state })), context)
    expect(message).toBe('Read 1 version of 1 model: 1 new, 0 changed, 0 removed.')
  })

  it('stops when it is cancelled', async () => {
    const server = await mlflow()
    server.failNext({ path: 'runs/search', status: 'hang', times: 10 })
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 100)
    const result = await syncModels(tenant, configurationFor(server), { ...context, signal: controller.signal })
    expect(result).toMatchObject({ success: false, status: 'cancelled' })
    const stopped = AbortSignal.abort()
    const answer = await call('POST /sync', { configuration: configurationFor(server), signal: stopped })
    expect(answer).toMatchObject({ status: 409, data: { status: 'cancelled' } })
  })

  it.each([
    [401, 422, 'Check the authentication method and its fields.'],
    [403, 422, 'Ask its administrator.'],
    [404, 422, 'Check the path of the URL.'],
    [302, 422, 'Enter the address that it redirects to. If that is a page for signing in, choose a way to sign in'],
    [400, 422, 'It may be another version of MLflow, or no MLflow.'],
    [500, 502, 'has a problem of its own (500). Try again later.'],
    [502, 502, 'has a problem of its own (502). Try again later.'],
    [503, 503, 'cannot answer at the moment (503). Try again later.'],
    [429, 429, 'is answering too many requests (429). Try again in a minute.'],
    ['reset', 502, 'ended the connection (ECONNRESET).'],
    ['hang', 504, 'did not answer within 1 s. Check the address, or raise the timeout.'],
  ] as const)('says after %s what to do, at once and beside the table, and answers %i', async (status, own, advice) => {
    const server = await mlflow()
    await syncModels(tenant, configurationFor(server), context)
    server.failNext({ path: 'registered-models/search', status, times: 3 })
    const configuration = configurationFor(server, { timeout: 1 })
    const answer = await call('POST /sync', { configuration })
    expect(answer).toMatchObject({ status: own, data: { success: false, status: 'failed' } })
    const { message } = answer.data as { message: string }
    expect(message).toContain(advice)
    expect(message).toContain('Nothing was changed. Models that were synchronised earlier are still shown.')
    expect(await getMLflowModels(tenant, configuration, context)).toMatchObject({
      connected: status === 302 || status === 400 || status === 404,
      error: message,
    })
  })

  it('does not trust a certificate unless it is told to', async () => {
    const server = await mlflow({ tls: true })
    const refused = await syncModels(tenant, configurationFor(server), context)
    expect(refused).toMatchObject({ success: false, versionCount: 0, failure: 'tls' })
    expect(await call('POST /sync', { configuration: configurationFor(server) })).toMatchObject({ status: 422 })
    expect(refused.message).toContain('Turn off "Verify SSL" only if you trust the network.')
    const trusting = configurationFor(server, { verify_ssl: false })
    expect(await syncModels(tenant, trusting, context)).toMatchObject({ success: true, versionCount: 24 })
  })

  it('does not count the time in which a question waits for one of the few connections', async () => {
    const server = connectMlflow(
      readConfiguration(configurationFor(await mlflow({ delayMs: () => 400 }), { timeout: 2 })),
    )
    const questions = Array.from({ length: 40 }, () => server.get('registered-models/search'))
    expect(await Promise.all(questions)).toHaveLength(40)
    server.close()
  })

  it('says what to do when nothing is configured', async () => {
    expect(await call('POST /sync')).toMatchObject({ status: 422, data: { success: false, status: 'not_configured' } })
  })
})

describe('a synchronisation with something else than MLflow', () => {
  /** Ends every connection with these bytes. */
  async function startRawServer(bytes: string): Promise<{ url: string; asked: () => number }> {
    let asked = 0
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => {
        asked += 1
        socket.end(bytes)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closeLater({ close: () => new Promise((resolve) => server.close(() => resolve())) })
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked }
  }
  const cutOff = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'
  const html = '<html><h1>503 Service Unavailable</h1>secret</html>'

  it.each([
    [
      'an answer that is cut off',
      `${cutOff}content-length: 999\r\n\r\n{"experiments": [`,
      502,
      'ended the connection',
      3,
    ],
    [
      'a chunk that is cut off',
      `${cutOff}transfer-encoding: chunked\r\n\r\n99\r\n{"exp`,
      502,
      'ended the connection',
      3,
    ],
    [
      'JSON that ends too early',
      `${cutOff}content-length: 17\r\n\r\n{"experiments": [`,
      422,
      'did not answer with JSON',
      1,
    ],
    ['JSON that is a list', `${cutOff}content-length: 2\r\n\r\n[]`, 422, 'did not answer with JSON', 1],
    [
      'a page of a proxy',
      `HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/html\r\ncontent-length: ${html.length}\r\n\r\n${html}`,
      503,
      'cannot answer at the moment (503)',
      3,
    ],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', 422, 'does not speak HTTP at this port', 1],
  ])('tells what is wrong: %s', async (_, bytes, status, sentence, questions) => {
    const server = await startRawServer(bytes)
    const answer = await call('POST /sync', { configuration: configurationFor(server) })
    expect(answer).toMatchObject({ status, data: { success: false } })
    const { message } = answer.data as { message: string }
    expect(message).toContain(sentence)
    expect(message).not.toContain('secret')
    expect(server.asked()).toBe(questions)
  })

  it.each([
    ['http://no-such-host.invalid', 422, 'cannot be found'],
    ['http://127.0.0.1:9', 502, 'Nothing answers at 127.0.0.1:9'],
  ])('tells whether it helps to wait: %s', async (url, status, sentence) => {
    expect(await call('POST /sync', { configuration: configurationFor({ url }) })).toMatchObject({
      status,
      data: { success: false, message: expect.stringContaining(sentence) as string },
    })
  })

  it.each(['EACCES', 'EPERM', 'EINVAL'])('does not wait for what is not allowed here (%s)', (code) => {
    expect(errorOfConnection(Object.assign(new Error('connect'), { code }), 'mlflow.example').failure).toBe('address')
  })

  it.each([
    ['in seconds', () => '2', 2_000],
    ['as a date', () => new Date(Date.now() + 3_000).toUTCString(), 2_000],
    ['in words', () => 'a while', 250],
    ['in seconds before now', () => '-1', 250],
  ])('waits after a 429 as long as the server says %s', async (_how, said, leastMs) => {
    const server = await startMlflow()
    const headers = { 'retry-after': said() }
    server.failNext({ path: 'model-versions/search', status: 429, headers })
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({ success: true })
    const [refused, taken, ...more] = server.requests.filter(({ path }) => path.endsWith('model-versions/search'))
    expect(more).toEqual([])
    expect(Number(taken?.at) - Number(refused?.at)).toBeGreaterThanOrEqual(leastMs - 5)
  })

  it('waits a minute and no longer, and says when the server wants to be asked again', async () => {
    const server = await startMlflow()
    const path = 'model-versions/search'
    const asked = () => server.requests.filter((request) => request.path.endsWith(path)).length
    server.failNext({ path, status: 429, headers: { 'retry-after': '61' } })
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({
      failure: 'busy',
      message: expect.stringContaining('too many requests (429). Try again in 61 seconds.') as string,
    })
    expect(asked()).toBe(1)
    server.failNext({ path, status: 429, headers: { 'retry-after': '60' } })
    const cancel = new AbortController()
    const waiting = syncModels(tenant, configurationFor(server), { ...context, signal: cancel.signal })
    await expect.poll(asked).toBe(2)
    await new Promise((resolve) => setTimeout(resolve, 500))
    cancel.abort()
    expect(await waiting).toMatchObject({ status: 'cancelled' })
    expect(asked()).toBe(2)
  })

  it('asks nothing else while the server wants to be left alone', async () => {
    const standin = await startMlflow()
    const server = connectMlflow(readConfiguration(configurationFor(standin)))
    const ask = () => server.get('experiments/search', { max_results: '1' })
    standin.failNext({ path: 'experiments/search', status: 429, headers: { 'retry-after': '1' } })
    const first = ask()
    await expect.poll(() => standin.requests.length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const others = [ask(), ask(), ask()]
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(standin.requests).toHaveLength(1)
    await Promise.all([first, ...others])
    expect(standin.requests).toHaveLength(5)
    server.close()
  })

  it.each(['registered-models/search', 'model-versions/search', 'experiments/search', 'runs/search'])(
    'does not run for ever when pages go round in a circle (%s)',
    async (path) => {
      const server = await startMlflow()
      const asked = () => server.requests.filter((request) => request.path.endsWith(path)).length
      for (const next_page_token of ['a', 'b', 'a']) server.failNext({ path, status: 200, body: { next_page_token } })
      const result = await call('POST /sync', { configuration: configurationFor(server, { models_from: 'both' }) })
      expect(result).toMatchObject({
        status: 422,
        data: { success: false, message: expect.stringContaining('the same page') as string },
      })
      expect(asked()).toBe(3)
    },
  )
})

describe('many new versions', () => {
  const models = { registeredModels: 300, versionsPerModel: 1 }
  const table = `"${tenant}".mlflow_model_records`
  let added: number[]
  /** As the host adds rows: all of them, or none where one is there already. */
  async function insertMany(name: string, rows: readonly Record<string, unknown>[]): Promise<number> {
    expect(name).toBe(`${tenant}.mlflow_model_records`)
    const names = Object.keys(rows[0] ?? {}).join(', ')
    await application.sequelize.query(
      `INSERT INTO ${table} (${names})
       SELECT ${names} FROM jsonb_populate_recordset(CAST(NULL AS ${table}), CAST($1 AS jsonb))`,
      { bind: [JSON.stringify(rows)] },
    )
    added.push(rows.length)
    return rows.length
  }
  const withDatabase = (insert = insertMany) => ({
    ...context,
    database: { insertMany: insert, upsertMany: () => Promise.reject(new Error('is not asked for')) },
  })
  beforeEach(() => {
    added = []
  })

  it('are added all at once where the host can, and found unchanged afterwards', async () => {
    const server = await startMlflow({ models })
    expect(await syncModels(tenant, configurationFor(server), withDatabase())).toMatchObject({
      inserted: 300,
      updated: 0,
    })
    expect(added).toEqual([300])
    expect((await stored())[0]).toMatchObject({
      version: '1',
      last_synced_at: expect.any(Date) as Date,
      metrics: { auc: expect.any(Number) as number },
      aliases: ['champion'],
    })
    const before = await writers()
    expect(await syncModels(tenant, configurationFor(server), withDatabase())).toMatchObject({
      inserted: 0,
      updated: 0,
    })
    expect(await writers()).toEqual(before)
  })

  it('are all there when another synchronisation was quicker', async () => {
    const server = await startMlflow({ models })
    const late = async (name: string, rows: readonly Record<string, unknown>[]): Promise<number> => {
      await syncModels(tenant, configurationFor(server), context)
      return insertMany(name, rows)
    }
    expect(await syncModels(tenant, configurationFor(server), withDatabase(late))).toMatchObject({
      success: true,
      versionCount: 300,
      inserted: 0,
      updated: 0,
    })
    expect(await stored()).toHaveLength(300)
  })
})

describe.each(releases)('training runs as models, with MLflow %i', (release) => {
  const mlflow = (options: MlflowStandinOptions = {}) => startMlflow({ release, ...options })

  it.each([
    ['runs', 12, 0],
    ['both', 12, 24],
  ])('are what is stored when models come from %s', async (models_from, runs, versions) => {
    const server = await mlflow()
    const result = await syncModels(tenant, configurationFor(server, { models_from }), context)
    expect(result).toMatchObject({ success: true, versionCount: runs + versions, inserted: runs + versions })
    const records = await stored()
    expect(records).toHaveLength(runs + versions)
    expect(records.find(({ model_name }) => model_name === 'training-10')).toMatchObject({
      version: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      status: 'FAILED',
      training_status: 'FAILED',
      metrics: { auc: expect.any(Number) as number },
      experiment_name: expect.any(String) as string,
      source: expect.stringContaining('/artifacts') as string,
      model_created_at: expect.any(Date) as Date,
    })
  })

  it('are all kept when several have one name', async () => {
    const server = await mlflow()
    for (const [index, { info, data }] of server.state.runs.entries()) {
      info.run_name = 'nightly'
      // The same version, in several stages.
      data.tags ??= []
      data.tags.push({ key: 'version', value: '1' }, { key: 'stage', value: index % 2 ? 'Production' : 'Staging' })
    }
    const synced = () => syncModels(tenant, configurationFor(server, { models_from: 'runs' }), context)
    expect(await synced()).toMatchObject({ success: true })
    const records = (await stored()).filter(({ model_name }) => model_name === 'nightly')
    expect(new Set(records.map(({ run_id }) => run_id)).size).toBe(12)
    expect(records).toHaveLength(12)
    expect(await synced()).toMatchObject({ success: true, inserted: 0, updated: 0, removed: 0 })
  })

  it('are marked as removed once they are no longer what counts, and when they were deleted', async () => {
    const server = await mlflow()
    await syncModels(tenant, configurationFor(server, { models_from: 'both' }), context)
    for (const { info } of server.state.runs.slice(0, 2)) info.lifecycle_stage = 'deleted'
    expect(await syncModels(tenant, configurationFor(server, { models_from: 'both' }), context)).toMatchObject({
      removed: 2,
      updated: 0,
    })
    expect(await syncModels(tenant, configurationFor(server), context)).toMatchObject({ removed: 10, updated: 0 })
  })

  it('cost four questions when nothing has changed, and find what has begun or ended', async () => {
    const server = await mlflow()
    const configuration = configurationFor(server, { models_from: 'both' })
    await syncModels(tenant, configuration, context)
    const [before, writersBefore] = [server.requests.length, await writers()]
    expect(await syncModels(tenant, configuration, context, 'quick')).toMatchObject({
      success: true,
      mode: 'quick',
      versionCount: 0,
      message: 'Nothing has changed.',
    })
    expect(server.requests.length - before).toBe(4)
    expect(await writers()).toEqual(writersBefore)
    const last = server.state.runs.at(-1)
    if (!last) throw new Error('the stand-in has no runs')
    last.info.end_time = Date.now()
    server.state.runs.push({ ...last, info: { ...last.info, run_id: 'new', start_time: Date.now() } })
    expect(await syncModels(tenant, configuration, context, 'quick')).toMatchObject({ inserted: 1, updated: 1 })
  })
})

describe.each(releases)('a quick synchronisation, with MLflow %i', (release) => {
  const mlflow = (options: MlflowStandinOptions = {}) => startMlflow({ release, ...options })

  it('asks one question when nothing has changed', async () => {
    const server = await mlflow()
    await syncModels(tenant, configurationFor(server), context)
    const before = server.requests.length
    const result = await syncModels(tenant, configurationFor(server), context, 'quick')
    expect(result).toMatchObject({
      success: true,
      mode: 'quick',
      status: 'success',
      versionCount: 0,
      inserted: 0,
      updated: 0,
    })
    expect(server.requests.length - before).toBe(1)
  })

  it('stores what is new and leaves the rest alone', async () => {
    const server = await mlflow()
    await syncModels(tenant, configurationFor(server), context)
    const before = await writers()
    addModelVersion(server.state, { name: 'credit-scoring', runId: server.state.runs[0]?.info.run_id ?? '' })
    const result = await syncModels(tenant, configurationFor(server), context, 'quick')
    expect(result).toMatchObject({ success: true, mode: 'quick', inserted: 1, updated: 0 })
    expect((await writers()).slice(0, 24)).toEqual(before)
    expect((await stored()).at(-1)).toMatchObject({
      version: '4',
      tags: { team: 'risk' },
      metrics: { auc: expect.any(Number) as number },
    })
  })

  it('is a full one as long as there was none', async () => {
    const server = await mlflow()
    const { status, data } = await call('POST /sync/quick', { configuration: configurationFor(server) })
    expect(status).toBe(200)
    expect(data).toMatchObject({ success: true, mode: 'full', inserted: 24 })
  })
})

describe('the table', () => {
  async function list(query: Record<string, unknown> = {}, configuration = {}): Promise<Record<string, unknown>> {
    const { status, data } = await call('GET /models', { query, configuration })
    expect(status ?? 200).toBe(200)
    return data as Record<string, unknown>
  }
  const names = ({ models }: Record<string, unknown>): string[] =>
    (models as Record<string, string>[]).map(({ model_name, version }) => `${model_name} ${version}`)

  it('says that nothing is configured, before it is', async () => {
    expect(await list()).toMatchObject({ configured: false, models: [], total: 0, lastSyncedAt: null })
  })

  it('is sorted, filtered and paged', async () => {
    const server = await startMlflow()
    const configuration = configurationFor(server)
    expect(await call('POST /sync', { configuration })).toMatchObject({
      status: 200,
      data: { success: true, modelCount: 8 },
    })
    const all = await list({}, configuration)
    expect(all).toMatchObject({
      configured: true,
      connected: true,
      total: 24,
      summary: { models: 8, versions: 24, production: 8 },
    })
    expect(all.lastSyncedAt).toMatch(/^\d{4}-/)
    expect(names(all)).toHaveLength(24)
    const sorted = names(await list({ sort: '-model_name' }))
    expect(new Set(sorted.map((name) => name.split(' ')[0])).size).toBe(8)
    expect([sorted[0], sorted.at(-1)]).toEqual([
      expect.stringContaining('image-moderation'),
      expect.stringContaining('chat-summariser'),
    ])
    expect(names(await list({ page: '2', pageSize: '2', sort: '-model_name' }))).toEqual(sorted.slice(2, 4))
    expect(await list({ page: '13', pageSize: '2' })).toMatchObject({ models: [], total: 24 })
    expect(names(await list({ 'filter.model_name': 'CREDIT', sort: '-version' }))).toEqual([
      'credit-scoring 3',
      'credit-scoring 2',
      'credit-scoring 1',
    ])
    expect(await list({ 'filter.lifecycle_stage': 'production' })).toMatchObject({ total: 8 })
    expect(await list({ 'filter.model_name': '%' })).toMatchObject({ total: 0 })
    expect(await list({ filter: { removed: 'true' } })).toMatchObject({ total: 0 })
  })

  it.each([
    { sort: 'id; DROP TABLE x' },
    { 'filter.1=1 OR x': 'y' },
    { page: '-1', pageSize: 'many' },
    { page: ['1', '2'] },
    { 'filter.model_name': 'a\u0000b' },
    { 'group.model_name': 'a\u0000b' },
    { 'filter.model_name': '\\\'; "%_' },
  ])('is not confused by %j', async (query) => {
    expect(await list(query)).toMatchObject({ models: [] })
  })

  it('gives one model, or 404', async () => {
    await syncModels(tenant, configurationFor(await startMlflow()), context)
    const [{ id } = {}] = await stored()
    expect(await call('GET /models/:id', { params: { id: String(id) } })).toMatchObject({ data: { id } })
    for (const wrong of ['999999', '1 OR 1=1', '']) {
      expect(await call('GET /models/:id', { params: { id: wrong } })).toMatchObject({ status: 404 })
    }
  })
})

describe('text that Postgres cannot hold', () => {
  it('loses NUL and half characters, and nothing else', () => {
    const text = 'a\u0000b \ud83d\ude00 \ud800 c:\\u0000 "\\" \n'
    const read = JSON.parse(storableJson(JSON.stringify({ [text]: text }))) as Record<string, string>
    const clean = 'ab \ud83d\ude00 \ufffd c:\\u0000 "\\" \n'
    expect(read).toEqual({ [clean]: clean })
  })
})
