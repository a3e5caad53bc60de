import { type RoleName, roleIds, TenonError } from '@tenon/contract'
import type { Queryable } from '../database/transaction.js'
import type { ListQuery } from '../http/fields.js'

/** A user with the organization that the user belongs to. */
export interface UserRow {
  id: number
  name: string
  surname: string
  email: string
  role: RoleName
  createdAt: Date
  lastLogin: Date | null
  organizationId: number
  organizationName: string
  organizationState: 'registering' | 'active' | 'deleting'
}

export const userSortColumns = ['id', 'name', 'surname', 'email', 'role', 'createdAt', 'lastLogin'] as const

const userQuery = `
  SELECT u.id, u.name, u.surname, u.email, r.name AS role, u.created_at AS "createdAt", u.last_login AS "lastLogin",
    o.id AS "organizationId", o.name AS "organizationName", o.state AS "organizationState"
  FROM public.users u JOIN public.roles r ON r.id = u.role_id JOIN public.organizations o ON o.id = u.organization_id`

export async function findUser(database: Queryable, id: number): Promise<UserRow | undefined> {
  const { rows } = await database.query<UserRow>(`${userQuery} WHERE u.id = $1`, [id])
  return rows[0]
}

/** The user with an address and its password hash, for signing in. */
export async function findSignIn(
  database: Queryable,
  email: string,
): Promise<{ user: UserRow; passwordHash: string } | undefined> {
  const { rows } = await database.query<UserRow & { passwordHash: string }>(
    `SELECT found.*, u.password_hash AS "passwordHash" FROM (${userQuery} WHERE u.email = $1) found
     JOIN public.users u USING (id)`,
    [email],
  )
  const [row] = rows
  if (!row) return undefined
  const { passwordHash, ...user } = row
  return { user, passwordHash }
}

export async function listUsers(database: Queryable, organizationId: number, { page, pageSize, sort, q }: ListQuery) {
  const column = userSortColumns.find((name) => name === sort.replace('-', '')) ?? 'id'
  const direction = sort.startsWith('-') ? 'DESC' : 'ASC'
  const { rows } = await database.query<UserRow & { total: string }>(
    `SELECT *, count(*) OVER () AS total FROM (${userQuery} WHERE o.id = $1) users
     WHERE strpos(lower(name || ' ' || surname || ' ' || email), lower($2)) > 0
     ORDER BY "${column}" ${direction} NULLS LAST, id LIMIT $3 OFFSET $4`,
    [organizationId, q, pageSize, (page - 1) * pageSize],
  )
  return { items: rows, total: rows[0] ? Number(rows[0].total) : await countUsers(database, organizationId, q) }
}

/** How the people of an organization are called, in the order in which they came. */
export async function listUserNames(
  database: Queryable,
  organizationId: number,
  { page, pageSize }: Pick<ListQuery, 'page' | 'pageSize'>,
) {
  const { rows } = await database.query<Pick<UserRow, 'id' | 'name' | 'surname'>>(
    'SELECT id, name, surname FROM public.users WHERE organization_id = $1 ORDER BY id LIMIT $2 OFFSET $3',
    [organizationId, pageSize, (page - 1) * pageSize],
  )
  return { items: rows, total: await countUsers(database, organizationId, '') }
}

/** A page past the end has no row that could carry the total. */
async function countUsers(database: Queryable, organizationId: number, q: string): Promise<number> {
  const { rows } = await database.query<{ total: string }>(
    `SELECT count(*) AS total FROM public.users WHERE organization_id = $1
     AND strpos(lower(name || ' ' || surname || ' ' || email), lower($2)) > 0`,
    [organizationId, q],
  )
  return Number(rows[0]?.total ?? 0)
}

export interface UserToInsert {
  organizationId: number
  name: string
  surname: string
  email: string
  role: RoleName
  passwordHash: string
}

/** @throws TenonError EMAIL_TAKEN */
export async function insertUser(database: Queryable, user: UserToInsert): Promise<UserRow> {
  try {
    const { rows } = await database.query<{ id: number }>(
      `INSERT INTO public.users (organization_id, name, surname, email, role_id, password_hash)
       VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
      [user.organizationId, user.name, user.surname, user.email, roleIds[user.role], user.passwordHash],
    )
    const inserted = rows[0] && (await findUser(database, rows[0].id))
    if (!inserted) throw new Error('an inserted user was not found')
    return inserted
  } catch (error) {
    if (isEmailTaken(error)) throw new TenonError('EMAIL_TAKEN', { email: user.email }, { cause: error })
    throw error
  }
}

export async function recordLogin(database: Queryable, userId: number): Promise<void> {
  await database.query('UPDATE public.users SET last_login = now() WHERE id = $1', [userId])
}

function isEmailTaken(error: unknown): boolean {
  return error instanceof Error && 'constraint' in error && error.constraint === 'users_email_key'
}
