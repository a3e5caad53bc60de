import { expect, test } from 'vitest'
import { toPrincipal, type Identity } from './identity.js'
import { getTenantHash } from './tenancy/index.js'

test('an application says who somebody is; the rest follows', () => {
  expect(toPrincipal({ userId: 3, organizationId: 7, role: 'Editor' })).toEqual({
    userId: 3,
    organizationId: 7,
    role: 'Editor',
    tenantId: getTenantHash(7),
    sessionId: 'user 3',
    isOperator: false,
  })
})

test('what an application says itself is kept', () => {
  const all = {
    userId: 3,
    organizationId: 7,
    role: 'Admin',
    tenantId: 'Tenant',
    sessionId: 'one sign-in',
    isOperator: true,
  } as const
  expect(toPrincipal(all)).toEqual(all)
})

test('nobody is refused', () => {
  expect(() => toPrincipal(undefined)).toThrow(expect.objectContaining({ code: 'NOT_AUTHENTICATED' }))
})

test('somebody with a role that there is not, or without a real id, is refused', () => {
  const real = { userId: 3, organizationId: 7, role: 'Editor' }
  const wrong: Record<string, unknown>[] = [
    { role: undefined },
    { role: 'Owner' },
    { role: 'host' },
    { role: 'constructor' },
    { userId: 0 },
    { userId: -1 },
    { userId: 2_147_483_648 },
    { userId: '3' },
    { organizationId: 0 },
    { organizationId: Number.NaN },
  ]
  for (const part of wrong)
    expect(() => toPrincipal({ ...real, ...part } as unknown as Identity), JSON.stringify(part)).toThrow(
      expect.objectContaining({ code: 'NOT_AUTHENTICATED' }),
    )
})
