import { TenonError, type Principal } from '@tenon/contract'
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

/** @throws TenonError NOT_AUTHENTICATED */
export function toPrincipal(identity: Identity | undefined): Principal {
  if (!identity) throw new TenonError('NOT_AUTHENTICATED')
  return {
    ...identity,
    tenantId: identity.tenantId ?? getTenantHash(identity.organizationId),
    sessionId: identity.sessionId ?? `user ${identity.userId}`,
    isOperator: identity.isOperator ?? false,
  }
}
