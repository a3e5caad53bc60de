import { roleAllows, roleNames, type RoleName, type RunJson } from '@tenon/contract'
import { toRunJson, type Run } from '../jobs/run.js'
import { reportOf } from './configure.js'
import type { Installation } from './installation-store.js'
import { longWorkFor } from './long-work.js'
import { declaredRole } from './route-invocation.js'

/** A run as somebody may see it. What work has answered that asks for another role is for who has that role. */
export function toShownRun(run: Run, installation: Installation | undefined, role: RoleName): RunJson {
  const json = toRunJson(run)
  if (!installation || !run.input || rolesOf(run.input, installation).every((needed) => roleAllows(role, needed)))
    return json
  return { ...json, result: null, largeResult: null, counts: {} }
}

function rolesOf({ method, path }: NonNullable<Run['input']>, installation: Installation): RoleName[] {
  const ofHandler = declaredRole(method, path, reportOf(installation))
  const ofAction = longWorkFor(installation.manifest, method, path)?.role
  return roleNames.filter((name) => name === ofHandler || name === ofAction)
}
