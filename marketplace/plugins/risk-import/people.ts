import type { SeedContext } from '@tenon/sdk'

/** Somebody who may own or approve a risk. */
export interface Person {
  id: number
  name: string
  surname: string
  email: string
}

/** The people of one organization, to be found by what a sheet may say. */
export interface People {
  readonly all: readonly Person[]
  /** By `… (ID: 7)`, `7`, or an email address in any case or a full name that only one of them has. */
  find(text: string): Person | undefined
}

/**
 * The organization whose schema is `tenantId`: a schema is named after a hash of the organization's number, so that the
 * two cannot be confused even where the caller only knows one of them.
 */
const ORGANIZATION_OF_SCHEMA = `left(regexp_replace(
  encode(sha256(convert_to(organization_id::text, 'UTF8')), 'base64'), '[^A-Za-z0-9]', '', 'g'), 10) = :tenantId`

/**
 * Reads who belongs to the organization. The condition is always there: a number of another organization must look like
 * one that does not exist, also on a host without row policies.
 */
export async function readPeople(
  { sequelize }: SeedContext,
  organization: { organizationId: number | string } | { tenantId: string },
): Promise<People> {
  const condition = 'tenantId' in organization ? ORGANIZATION_OF_SCHEMA : 'organization_id = :organizationId'
  const all = await sequelize.query<Person>(
    `SELECT id, name, surname, email FROM public.users WHERE ${condition} ORDER BY name, surname, id`,
    { replacements: { ...organization }, type: sequelize.QueryTypes.SELECT },
  )
  return peopleOf(all)
}

/** As the dropdown of the template shows a person. */
export function labelOf({ id, name, surname, email }: Person): string {
  return `${name} ${surname} - ${email} (ID: ${id})`
}

export function peopleOf(all: readonly Person[]): People {
  const byId = new Map(all.map((person) => [person.id, person]))
  const byEmail = new Map(all.map((person) => [person.email, person]))
  const byEmailInAnyCase = groupsOf(all, ({ email }) => email.toLowerCase())
  const byName = groupsOf(all, ({ name, surname }) => nameKey(`${name} ${surname}`))
  return {
    all,
    find(text) {
      const id = idIn(text)
      if (id !== undefined) return byId.get(id)
      return byEmail.get(text) ?? only(byEmailInAnyCase.get(text.toLowerCase())) ?? only(byName.get(nameKey(text)))
    },
  }
}

function groupsOf(all: readonly Person[], keyOf: (person: Person) => string): ReadonlyMap<string, readonly Person[]> {
  const groups = new Map<string, Person[]>()
  for (const person of all) {
    const key = keyOf(person)
    const group = groups.get(key)
    if (group) group.push(person)
    else groups.set(key, [person])
  }
  return groups
}

function only(group: readonly Person[] = []): Person | undefined {
  return group.length === 1 ? group[0] : undefined
}

function idIn(text: string): number | undefined {
  const digits = /^\d{1,10}$/.exec(text)?.[0] ?? /\(ID:\s*(\d{1,10})\)\s*$/i.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

function nameKey(name: string): string {
  return name.toLowerCase().replace(/\s+/g, ' ').trim()
}
