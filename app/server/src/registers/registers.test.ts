import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../testing/test-app.js'

let app: TestApp
let admin: { token: string; organizationId: number; tenantId: string }
let editor: { token: string; id: number }
let auditor: { token: string; id: number }
beforeAll(async () => {
  app = await startTestApp()
  admin = await app.register()
  editor = await app.addUser(admin.token, 'Editor')
  auditor = await app.addUser(admin.token, 'Auditor')
})
afterAll(() => app.stop())
beforeEach(() => app.pool.query(`TRUNCATE "${admin.tenantId}".risks, "${admin.tenantId}".projects CASCADE`))

const risk = {
  risk_name: 'Model drift',
  risk_description: 'The model gets worse unnoticed',
  ai_lifecycle_phase: 'Monitoring & maintenance',
  likelihood: 'Likely',
  severity: 'Major',
}

const post = (path: string, body: unknown, token = editor.token) => app.call('POST', path, { token, body })
const get = (path: string, token = auditor.token) => app.call('GET', path, { token })

describe('risks', () => {
  it('are added with a level that follows from likelihood and severity', async () => {
    const { status, body } = await post('/api/risks', {
      ...risk,
      risk_owner: auditor.id,
      risk_category: ['Operational risk', 'Third-party/vendor risk'],
      deadline: '2027-03-01',
    })
    expect(status).toBe(201)
    expect(body.data).toMatchObject({
      ...risk,
      risk_owner: auditor.id,
      risk_category: ['Operational risk', 'Third-party/vendor risk'],
      risk_level_autocalculated: 'High risk',
      mitigation_status: null,
      deadline: expect.stringMatching(/^2027-0[23]-\d\dT/),
    })
    expect((await get(`/api/risks/${body.data.id}`)).body.data).toEqual(body.data)
    expect(body.data).not.toHaveProperty('is_deleted')
  })

  it('are changed in part, and the level with them', async () => {
    const { id } = (await post('/api/risks', risk)).body.data
    const change = { severity: 'Catastrophic', impact: 'Wrong decisions' }
    const { body } = await app.call('PATCH', `/api/risks/${id}`, { token: editor.token, body: change })
    expect(body.data).toMatchObject({ ...risk, ...change, risk_level_autocalculated: 'Very high risk' })
    const empty = await app.call('PATCH', `/api/risks/${id}`, { token: editor.token, body: {} })
    expect(empty).toMatchObject({ status: 400, body: { data: 'name at least one field to change' } })
  })

  it('are not seen any more once they are deleted', async () => {
    const { id } = (await post('/api/risks', risk)).body.data
    const remove = () => app.call('DELETE', `/api/risks/${id}`, { token: editor.token })
    expect((await remove()).status).toBe(200)
    expect(await get(`/api/risks/${id}`)).toMatchObject({ status: 404, body: { data: 'Risk not found' } })
    expect((await remove()).status).toBe(404)
    expect((await get('/api/risks')).body.data).toEqual({ items: [], total: 0 })
    const { rows } = await app.pool.query('SELECT name FROM tenon.outbox WHERE organization_id = $1 ORDER BY id DESC', [
      admin.organizationId,
    ])
    expect(rows[0].name).toBe('risk.deleted')
  })

  it('are listed in pages, sorted and searched', async () => {
    for (const [index, likelihood] of ['Rare', 'Possible', 'Likely', 'Unlikely'].entries()) {
      await post('/api/risks', { ...risk, risk_name: `100% risk_${index}`, likelihood })
    }
    const names = async (query: string) =>
      (await get(`/api/risks?${query}`)).body.data.items.map((item) => item.risk_name.at(-1))
    expect(await names('')).toEqual(['3', '2', '1', '0'])
    expect(await names('sort=likelihood')).toEqual(['0', '3', '1', '2'])
    expect(await names('sort=risk_name&page=2&pageSize=3')).toEqual(['3'])
    expect(await names('q=RISK_2')).toEqual(['2'])
    expect(await names('q=100%25')).toHaveLength(4)
    expect(await names('q=100_')).toHaveLength(0)
    expect((await get('/api/risks?pageSize=1')).body.data.total).toBe(4)
  })

  it('come in pages of at most 200', async () => {
    expect((await get('/api/risks?pageSize=200')).status).toBe(200)
    expect((await get('/api/risks?pageSize=201')).status).toBe(400)
  })

  it.each(['sort=is_deleted', 'sort=id;drop table x', 'page=0', 'page=x'])(
    'cannot be listed with %s',
    async (query) => {
      expect(await get(`/api/risks?${query}`)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } })
    },
  )

  it.each([
    ['an unknown phase', { ai_lifecycle_phase: 'Lunch' }],
    ['a category twice over', { risk_category: Array(16).fill('Legal risk') }],
    ['a field that there is not', { is_deleted: true }],
    ['a name of 256 characters', { risk_name: 'x'.repeat(256) }],
    ['an owner who is no number', { risk_owner: '1' }],
    ['no name', { risk_name: '  ' }],
  ])('are refused with %s', async (_case, change) => {
    expect((await post('/api/risks', { ...risk, ...change })).status).toBe(400)
  })

  it.each(['0000-01-01', '0999-12-31', '9999-12-31T23:59:59-01:00'])(
    'are refused with a deadline of %s',
    async (deadline) => {
      expect(await post('/api/risks', { ...risk, deadline })).toMatchObject({
        status: 400,
        body: { data: expect.stringContaining('must be of the years 1000 to 9999') },
      })
    },
  )

  it.each(['1000-01-01', '9999-12-31', '9999-12-31T23:59:59Z'])('take a deadline of %s', async (deadline) => {
    expect((await post('/api/risks', { ...risk, deadline })).status).toBe(201)
    expect((await get('/api/risks')).status).toBe(200)
  })

  it('are listed even where a row holds times and categories that an answer cannot carry', async () => {
    const table = `"${admin.tenantId}".risks`
    const { rows } = await app.pool.query<{ conname: string; definition: string }>(
      `SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
       WHERE conrelid = $1::regclass AND contype = 'c'`,
      [table],
    )
    await post('/api/risks', risk)
    for (const { conname } of rows) await app.pool.query(`ALTER TABLE ${table} DROP CONSTRAINT "${conname}"`)
    await app.pool.query(
      `UPDATE ${table} SET created_at = 'infinity', updated_at = '20000-01-01', deadline = '0044-03-15 BC', date_of_assessment = '280000-01-01',
         risk_category = '{{Legal risk},{Operational risk}}'`,
    )
    const { status, body } = await get('/api/risks')
    await app.pool.query(`TRUNCATE ${table} CASCADE`)
    for (const { conname, definition } of rows) {
      await app.pool.query(`ALTER TABLE ${table} ADD CONSTRAINT "${conname}" ${definition}`)
    }
    expect(status).toBe(200)
    expect(body.data.items).toMatchObject([
      {
        created_at: null,
        updated_at: null,
        deadline: null,
        date_of_assessment: null,
        risk_category: ['Legal risk', 'Operational risk'],
      },
    ])
  })

  it('take a name of 255 characters', async () => {
    expect((await post('/api/risks', { ...risk, risk_name: 'x'.repeat(255) })).status).toBe(201)
  })

  it('cannot name a user of another organization, and do not tell whether there is one', async () => {
    const other = await app.register()
    const { rows } = await app.pool.query('SELECT id FROM public.users WHERE organization_id = $1', [
      other.organizationId,
    ])
    const foreign = await post('/api/risks', { ...risk, risk_owner: rows[0].id })
    const missing = await post('/api/risks', { ...risk, risk_owner: 999_999 })
    expect([foreign.status, missing.status]).toEqual([400, 400])
    expect(String(foreign.body.data).replace(rows[0].id, 'N')).toBe(String(missing.body.data).replace('999999', 'N'))
  })

  it('of another organization are not there', async () => {
    const other = await app.register()
    const { id } = (await post('/api/risks', risk)).body.data
    expect((await get(`/api/risks/${id}`, other.token)).status).toBe(404)
    expect((await get('/api/risks', other.token)).body.data.total).toBe(0)
  })

  it('are read by everybody and written by editors', async () => {
    expect((await post('/api/risks', risk, auditor.token)).status).toBe(403)
    expect((await post('/api/risks', risk, admin.token)).status).toBe(201)
    expect((await app.call('GET', '/api/risks')).status).toBe(401)
  })
})

describe('models and projects', () => {
  it('are added and listed', async () => {
    const model = await post('/api/models', { provider: 'OpenAI', model: 'GPT', version: '5', status: 'Approved' })
    expect(model).toMatchObject({ status: 201, body: { data: { provider_model: 'OpenAI GPT', status: 'Approved' } } })
    expect((await get('/api/models?q=gpt')).body.data).toEqual({ items: [model.body.data], total: 1 })
    const project = await post('/api/projects', { project_title: 'Chat', goal: 'Help people', owner: editor.id })
    expect(project).toMatchObject({ status: 201, body: { data: { status: 'Not started', owner: editor.id } } })
    expect((await get('/api/projects')).body.data).toEqual({ items: [project.body.data], total: 1 })
  })

  it('are refused where a field is missing, or to those who only read', async () => {
    expect((await post('/api/models', { provider: 'OpenAI' })).status).toBe(400)
    expect((await post('/api/projects', { project_title: 'Chat' })).status).toBe(400)
    expect((await post('/api/models', {}, auditor.token)).status).toBe(403)
    expect((await post('/api/projects', {}, auditor.token)).status).toBe(403)
  })
})
