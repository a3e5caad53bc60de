import { expect, test } from 'vitest'
import { toPrincipal } from './identity.js'
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
