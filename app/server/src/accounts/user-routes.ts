import { NotFoundException, type Principal, roleIds, type RoleName, TenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import * as z from 'zod'
import { inTransaction, type Queryable } from '../database/transaction.js'
import type { Settings } from '../env.js'
import { publishEvent } from '../events.js'
import { idSchema, listOf, listQuery } from '../http/fields.js'
import { type Route, route } from '../http/route.js'
import { newUserSchema, type NewUser, roleSchema, userNameSchema, userSchema } from './account-schemas.js'
import type { Passwords } from './passwords.js'
import { findUser, insertUser, listUserNames, listUsers, userSortColumns, type UserRow } from './user-store.js'

interface UserRoutesOptions {
  pool: Pool
  settings: Pick<Settings, 'operatorEmails'>
  passwords: Passwords
}

export function userRoutes({ pool, settings, passwords }: UserRoutesOptions): Route[] {
  async function invite(principal: Principal, { password, ...person }: NewUser): Promise<UserRow> {
    // Whoever has an operator's address is an operator, so an admin must not be able to hand one out.
    if (settings.operatorEmails.includes(person.email) && !principal.isOperator) throw new TenonError('OPERATOR_ONLY')
    const passwordHash = await passwords.hash(password)
    return inTransaction(pool, async (client) => {
      const user = await insertUser(client, { ...person, organizationId: principal.organizationId, passwordHash })
      await publishEvent(client, principal.organizationId, 'user.invited', {
        ...identify(user),
        role: user.role,
        invitedBy: principal.userId,
      })
      return user
    })
  }

  function changeRole(principal: Principal, userId: number, role: RoleName): Promise<UserRow> {
    return inTransaction(pool, async (client) => {
      // One change of roles at a time in an organization: two admins could otherwise demote each other at once.
      await client.query('SELECT FROM public.organizations WHERE id = $1 FOR UPDATE', [principal.organizationId])
      const user = await findUser(client, userId)
      if (user?.organizationId !== principal.organizationId) {
        throw new NotFoundException('User not found', 'user', userId)
      }
      if (user.role === role) return user
      if (user.role === 'Admin') await assertAnotherAdmin(client, user)
      await client.query('UPDATE public.users SET role_id = $2 WHERE id = $1', [userId, roleIds[role]])
      await publishEvent(client, principal.organizationId, 'user.role_changed', {
        ...identify(user),
        from: user.role,
        to: role,
        changedBy: principal.userId,
      })
      return { ...user, role }
    })
  }

  return [
    route({
      method: 'get',
      path: '/api/users',
      tag: 'Users',
      summary: 'People of the organization',
      access: 'Admin',
      query: listQuery(userSortColumns),
      answer: listOf(userSchema).meta({ id: 'UserList' }),
      handle: ({ principal, query }) => listUsers(pool, principal.organizationId, query),
    }),
    route({
      method: 'get',
      path: '/api/users/names',
      tag: 'Users',
      summary: 'Names of the people of the organization',
      access: 'Auditor',
      query: listQuery(userSortColumns).pick({ page: true, pageSize: true }),
      answer: listOf(userNameSchema).meta({ id: 'UserNameList' }),
      handle: ({ principal, query }) => listUserNames(pool, principal.organizationId, query),
    }),
    route({
      method: 'post',
      path: '/api/users',
      tag: 'Users',
      summary: 'Add a person to the organization',
      access: 'Admin',
      body: newUserSchema,
      status: 201,
      answer: userSchema,
      handle: ({ principal, body }) => invite(principal, body),
    }),
    route({
      method: 'patch',
      path: '/api/users/:id',
      tag: 'Users',
      summary: 'Give a person another role',
      access: 'Admin',
      params: z.object({ id: idSchema }),
      body: z.strictObject({ role: roleSchema }).meta({ id: 'RoleChange' }),
      answer: userSchema,
      handle: ({ principal, params, body }) => changeRole(principal, params.id, body.role),
    }),
  ]
}

function identify({ id, name, surname, email }: UserRow) {
  return { userId: id, name: `${name} ${surname}`, email }
}

async function assertAnotherAdmin(database: Queryable, { id, organizationId }: UserRow): Promise<void> {
  const { rowCount } = await database.query(
    'SELECT FROM public.users WHERE organization_id = $1 AND role_id = $2 AND id <> $3 LIMIT 1',
    [organizationId, roleIds.Admin, id],
  )
  if (rowCount === 0) {
    throw new TenonError('CONFLICT', {
      message: 'An organization keeps at least one admin. Make somebody else one first.',
    })
  }
}
