import { TenonError, roleNames, type Principal } from '@tenon/contract'
import { getTenantHash } from './tenancy/index.js'

/**
 * What the embedding application says of the sender of a request: user, organization and role are needed.
 *
 * Without a `sessionId`, OAuth round trips are bound to the user instead of to one sign-in. Nobody is an operator unless
 * `isOperator` says so. `tenantId` follows from the organization.
 *
 * @since 0.1.0
 */
export type Identity = Pick<Principal, 'userId' | 'organizationId' | 'role'> & Partial<Principal>

/** What PostgreSQL can count to in a column of ids. */
const maxId = 2_147_483_647

/** @throws TenonError NOT_AUTHENTICATED for nobody, and for somebody with a role or an id that there is not. */
export function toPrincipal(identity: Identity | undefined): Principal {
  if (!identity) throw new TenonError('NOT_AUTHENTICATED')
  const { userId, organizationId, role } = identity
  if (!isId(userId) || !isId(organizationId) || !roleNames.includes(role)) {
    const cause = new Error(
      `authenticate() gave user ${userId} of organization ${organizationId} with the role ${JSON.stringify(role)}`,
    )
    throw new TenonError('NOT_AUTHENTICATED', {}, { cause })
  }
  return {
    ...identity,
    tenantId: identity.tenantId ?? getTenantHash(identity.organizationId),
    sessionId: identity.sessionId ?? `user ${identity.userId}`,
    isOperator: identity.isOperator ?? false,
  }
}

function isId(id: unknown): boolean {
  return Number.isInteger(id) && (id as number) > 0 && (id as number) <= maxId
}
