import { roleNames, type CatalogEntry, type RoleName, type RunKind } from '@tenon/contract'
import { matchRoute, type PluginReport } from '@tenon/contract/wire'

/** A route of a plugin that takes its time: it runs as a job, with progress, and can be cancelled. */
export interface LongWork {
  kind: RunKind
  /** Id of the action or the importer that declares it. */
  action: string
  title: string
  /**
   * Whether its handler may be called again for the same run. Of an action that is expected, of an import it has to be
   * declared: nobody must import twice.
   */
  isRepeatable: boolean
  /** What the declaration asks for besides the route itself. */
  role?: RoleName
}

/** Whether a request is for a declared action, the import of a declared importer, or one of the seed's two. */
export function longWorkFor(entry: CatalogEntry | null, method: string, path: string): LongWork | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined
  return worksOf(entry).find(({ routes }) => matchRoute(routes, method, path) !== undefined)?.work
}

/** Work, and its route in a list of its own: `matchRoute` reads the keys of a list once. */
interface RoutedWork {
  routes: readonly [key: string]
  work: LongWork
}

const seedWorks: readonly RoutedWork[] = [
  { routes: ['POST /sync'], work: { kind: 'sync', action: 'sync', title: 'Sync', isRepeatable: true } },
  { routes: ['POST /import'], work: { kind: 'import', action: 'import', title: 'Import', isRepeatable: false } },
]

/** By manifest, which is asked at every call and does not change. */
const worksByEntry = new WeakMap<CatalogEntry, readonly RoutedWork[]>()

/** In the order in which they are asked: actions, importers, the seed's. */
function worksOf(entry: CatalogEntry | null): readonly RoutedWork[] {
  if (!entry) return seedWorks
  const works = worksByEntry.get(entry) ?? [...declaredWorks(entry), ...seedWorks]
  worksByEntry.set(entry, works)
  return works
}

function declaredWorks({ contributes }: CatalogEntry): RoutedWork[] {
  const { actions = [], importers = [] } = contributes ?? {}
  return [
    ...actions.map((action): RoutedWork => ({ routes: [action.route], work: workOf(action) })),
    ...importers.map(({ id, title, import: route, repeatable = false }): RoutedWork => ({
      routes: [route],
      work: { kind: 'import', action: id, title, isRepeatable: repeatable },
    })),
  ]
}

type Action = NonNullable<CatalogEntry['contributes']>['actions'][number]

export function workOf({ id, title, route, role, repeatable = true }: Action): LongWork {
  const needed = roleNames.find((name) => name === role)
  return {
    kind: /(^|[-_])sync$/.test(id) || route === 'POST /sync' ? 'sync' : 'action',
    action: id,
    title,
    isRepeatable: repeatable,
    ...(needed ? { role: needed } : {}),
  }
}

/** True when the plugin has a job of that name and no route for it: then the job is what is called. */
export function isJob(report: PluginReport | undefined, action: string, method: string, path: string): boolean {
  return (report?.jobs.includes(action) ?? false) && matchRoute(report?.routes ?? [], method, path) === undefined
}
