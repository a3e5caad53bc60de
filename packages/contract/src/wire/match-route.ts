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
  const candidates = keys
    .map((key) => ({ key, pattern: patternOf(key, method) }))
    .filter(({ pattern }) => pattern !== '')
  const exact = candidates.find(({ pattern }) => pattern === wanted)
  if (exact) return { key: exact.key, params: {} }
  for (const { key, pattern } of candidates) {
    const params = matchSegments(pattern.split('/'), wanted.split('/'))
    if (params) return { key, params }
  }
  return undefined
}

/** The path of a key such as `GET /models/:id` when it is for this method; '' when not. */
function patternOf(key: string, method: string): string {
  const [verb = '', path = ''] = key.trim().split(/\s+/, 2)
  return verb.toUpperCase() === method.toUpperCase() ? normalizePath(path) : ''
}

function normalizePath(path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end -= 1
  const trimmed = path.slice(0, end)
  return trimmed.startsWith('/') ? trimmed : `/${trimmed}`
}

function matchSegments(pattern: string[], wanted: string[]): Record<string, string> | undefined {
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
