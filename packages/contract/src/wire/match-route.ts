/**
 * Finds the route for a path: an exact one before a pattern, then the order of declaration. The host asks it for the role
 * that a route needs and the runner for its handler, so that both always mean the same route.
 *
 * @param keys such as `GET /models/:id`
 */
export function matchRoute(
  keys: readonly string[],
  method: string,
  path: string,
): { key: string; params: Record<string, string> } | undefined {
  const wanted = normalizePath(path)
  const verb = method.toUpperCase()
  const candidates = routesOf(keys).filter((route) => route.verb === verb)
  const exact = candidates.find(({ pattern }) => pattern === wanted)
  if (exact) return { key: exact.key, params: {} }
  const segments = wanted.split('/')
  for (const route of candidates) {
    const params = matchSegments(route.segments, segments)
    if (params) return { key: route.key, params }
  }
  return undefined
}

interface Route {
  key: string
  verb: string
  /** Such as `/models/:id`. */
  pattern: string
  segments: readonly string[]
}

/** By list of keys, which is asked at every call and does not change. */
const routesByKeys = new WeakMap<readonly string[], readonly Route[]>()

function routesOf(keys: readonly string[]): readonly Route[] {
  const routes = routesByKeys.get(keys) ?? keys.map(routeOf)
  routesByKeys.set(keys, routes)
  return routes
}

function routeOf(key: string): Route {
  const [verb = '', path = ''] = key.trim().split(/\s+/, 2)
  const pattern = normalizePath(path)
  return { key, verb: verb.toUpperCase(), pattern, segments: pattern.split('/') }
}

function normalizePath(path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end -= 1
  const trimmed = path.slice(0, end)
  return trimmed.startsWith('/') ? trimmed : `/${trimmed}`
}

function matchSegments(pattern: readonly string[], wanted: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== wanted.length) return undefined
  const params: Record<string, string> = {}
  for (const [i, segment] of pattern.entries()) {
    const actual = wanted[i] as string
    if (segment.startsWith(':') && actual !== '') params[segment.slice(1)] = decodeSegment(actual)
    else if (segment !== actual) return undefined
  }
  return params
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
