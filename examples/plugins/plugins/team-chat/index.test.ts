import { expect, it } from 'vitest'
import { configure, install, onEvent, router, testConnection, uninstall, validateConfig } from './index'

it('installs and uninstalls', async () => {
  expect(await install()).toMatchObject({ success: true })
  expect(await uninstall()).toMatchObject({ success: true })
})

it('takes a greeting, and nothing else', async () => {
  const context = {} as Parameters<typeof configure>[3]
  expect(validateConfig({ greeting: 'Hi' })).toEqual({ valid: true, errors: [] })
  expect(await configure(1, 'tenant', { greeting: 7 }, context)).toMatchObject({ success: false })
})

it('says that nobody is connected', async () => {
  expect(await testConnection({})).toMatchObject({ success: false })
  const send = router['POST /test-message'] as (request: object) => Promise<unknown>
  expect(await send({})).toMatchObject({ status: 409 })
})

it('tells the accounts that want an event, with their own connection, and none that is switched off', async () => {
  const sent: unknown[] = []
  const one = (id: number, isActive: boolean, events?: string[]) => {
    return { id, isActive, account: { name: `Account ${id}` }, details: { channel: `C${id}` }, settings: { events } }
  }
  const accounts = [one(1, true), one(2, true, ['risk.deleted']), one(3, false), one(4, true, ['risk.created'])]
  const contextWith = (ok: boolean) =>
    ({
      configuration: {},
      connections: { list: () => Promise.resolve(accounts) },
      fetch: (_url: string, { connection, body }: { connection: number; body: string }) => {
        sent.push([connection, JSON.parse(body)])
        return Promise.resolve({ ok, status: ok ? 200 : 503 })
      },
    }) as unknown as Parameters<typeof onEvent>[1]
  const event = { id: 'e1', name: 'risk.created', payload: {} } as unknown as Parameters<typeof onEvent>[0]

  await onEvent(event, contextWith(true))
  expect(sent).toEqual([
    [1, { channel: 'C1', text: 'Hello: risk.created (e1)' }],
    [4, { channel: 'C4', text: 'Hello: risk.created (e1)' }],
  ])
  // Thrown, so that the host delivers it again.
  await expect(onEvent(event, contextWith(false))).rejects.toThrow('Account 1 could not be reached (503).')
})

it('says what an admin has to do, and what passes by itself', async () => {
  const account = { id: 1, isActive: true, account: { name: 'Ada' }, details: {}, settings: {} }
  const contextOf = (fetch: () => Promise<{ ok: boolean; status: number }>) =>
    ({
      configuration: {},
      connections: { list: () => Promise.resolve([account]) },
      fetch,
    }) as unknown as Parameters<typeof onEvent>[1]
  const event = { id: 'e1', name: 'risk.created', payload: {} } as unknown as Parameters<typeof onEvent>[0]
  const send = router['POST /test-message'] as (request: object) => Promise<unknown>

  for (const [status, answered, retryable] of [
    [403, 422, false],
    [404, 422, false],
    [429, 502, true],
    [503, 502, true],
  ] as const) {
    const context = contextOf(() => Promise.resolve({ ok: false, status }))
    expect(await send(context)).toMatchObject({
      status: answered,
      data: expect.stringContaining(`(${status})`) as string,
    })
    await expect(onEvent(event, context)).rejects.toMatchObject({ retryable })
  }
  // What the host says is passed on: it knows what kind of error it is.
  const refused = Object.assign(new Error('The sign-in is no longer accepted.'), { code: 'CONNECTION_NEEDS_REAUTH' })
  await expect(send(contextOf(() => Promise.reject(refused)))).rejects.toBe(refused)
})
