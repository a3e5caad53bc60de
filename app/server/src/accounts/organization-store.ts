import type { Queryable } from '../database/transaction.js'

export interface OrganizationRow {
  id: number
  name: string
  state: 'registering' | 'active' | 'deleting'
}

export async function insertOrganization(database: Queryable, name: string): Promise<OrganizationRow> {
  const { rows } = await database.query<OrganizationRow>(
    'INSERT INTO public.organizations (name) VALUES ($1) RETURNING id, name, state',
    [name],
  )
  const [organization] = rows
  if (!organization) throw new Error('an inserted organization was not returned')
  return organization
}

export async function findOrganization(database: Queryable, id: number): Promise<OrganizationRow | undefined> {
  const { rows } = await database.query<OrganizationRow>(
    'SELECT id, name, state FROM public.organizations WHERE id = $1',
    [id],
  )
  return rows[0]
}

/** True when the organization was in `from` and now is in `to`. */
export async function changeState(
  database: Queryable,
  id: number,
  from: OrganizationRow['state'],
  to: OrganizationRow['state'],
): Promise<boolean> {
  const { rowCount } = await database.query(
    'UPDATE public.organizations SET state = $3, state_changed_at = now() WHERE id = $1 AND state = $2',
    [id, from, to],
  )
  return rowCount === 1
}

/** Its users and Slack connections go with it. */
export async function deleteOrganization(database: Queryable, id: number): Promise<void> {
  await database.query('DELETE FROM public.organizations WHERE id = $1', [id])
}

/** A registration takes well under a second; one that is this old was cut off by a stop of the server. */
const abandonedAfterSeconds = 120

/** Organizations whose registration or removal was cut off. */
export async function findUnfinished(database: Queryable): Promise<OrganizationRow[]> {
  const { rows } = await database.query<OrganizationRow>(
    `SELECT id, name, state FROM public.organizations
     WHERE state = 'deleting'
       OR (state = 'registering' AND state_changed_at < now() - make_interval(secs => $1))`,
    [abandonedAfterSeconds],
  )
  return rows
}
