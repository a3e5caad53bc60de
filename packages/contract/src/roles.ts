/** S83: the roles of a user in an organization, by the id that the `roles` table gives them. */
export const roleIds = { Admin: 1, Reviewer: 2, Editor: 3, Auditor: 4 } as const

export type RoleName = keyof typeof roleIds

export const roleNames = Object.keys(roleIds) as RoleName[]

/** What a role may do: readers read, Editors also work, Admins also change who works with what. */
const rank: Record<RoleName, number> = { Auditor: 1, Reviewer: 1, Editor: 2, Admin: 3 }

/** True when `role` may do what needs `needed`. */
export function roleAllows(role: RoleName, needed: RoleName): boolean {
  return rank[role] >= rank[needed]
}

/** Who a request comes from. The embedding application establishes it; nothing else in a request is believed. */
export interface Principal {
  userId: number
  organizationId: number
  tenantId: string
  role: RoleName
  /** The signed-in session, to which OAuth round trips are bound. */
  sessionId: string
  /** Runs this whole installation, beyond one organization. */
  isOperator: boolean
}
