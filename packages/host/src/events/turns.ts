/** Something that is due for one plugin of one organization. */
export interface Due {
  organization_id: number
  plugin_key: string
}

interface Turns {
  /**
   * Chooses up to `free` of these, at most one for each plugin: organizations by turns, and within one its plugins by
   * turns. `busy` is what is under way already.
   */
  choose<Candidate extends Due>(due: readonly Candidate[], busy: readonly Due[], free: number): Candidate[]
}

/** Whose turn it is, so that no organization and no plugin waits for the flood of another. */
export function createTurns({ perOrganization }: { perOrganization: number }): Turns {
  const lastTurn = new Map<string, number>()
  let turn = 0
  const lastOf = (key: string) => lastTurn.get(key) ?? 0
  const organization = ({ organization_id: id }: Due) => String(id)

  return {
    choose(due, busy, free) {
      const under = new Map<string, number>()
      const underWay = (one: Due) => under.get(organization(one)) ?? 0
      const count = (one: Due) => under.set(organization(one), underWay(one) + 1)
      busy.forEach(count)
      const busyPlugins = new Set(busy.map(pluginOf))
      const left = due.filter((one) => !busyPlugins.has(pluginOf(one)))
      const chosen: typeof left = []
      while (chosen.length < free) {
        const [next] = left
          .filter((one) => underWay(one) < perOrganization)
          .sort(
            (a, b) =>
              underWay(a) - underWay(b) ||
              lastOf(organization(a)) - lastOf(organization(b)) ||
              lastOf(pluginOf(a)) - lastOf(pluginOf(b)),
          )
        if (!next) break
        left.splice(left.indexOf(next), 1)
        chosen.push(next)
        count(next)
        turn += 1
        lastTurn.set(organization(next), turn).set(pluginOf(next), turn)
      }
      return chosen
    },
  }
}

/** Keys have no slash. */
export const pluginOf = ({ organization_id: organizationId, plugin_key: pluginKey }: Due): string =>
  `${organizationId}/${pluginKey}`
