import { sessionLifetimeMs } from './sessions.js'

const plainName = 'tenon_session'
/** With this prefix a browser takes the cookie over TLS only, and from this very host. */
const secureName = `__Host-${plainName}`

/** Whether browsers reach the server over TLS. */
export const isHttps = (publicUrl: string | undefined): boolean => publicUrl?.startsWith('https:') ?? false

/** The header that keeps a session in a browser, out of reach of scripts and other sites; without a token it ends it. */
export function sessionCookie(token: string, { https }: { https: boolean }): string {
  const lifetime = token === '' ? 0 : Math.floor(sessionLifetimeMs / 1000)
  const attributes = ['Path=/', 'HttpOnly', 'SameSite=Strict', `Max-Age=${lifetime}`, ...(https ? ['Secure'] : [])]
  return [`${https ? secureName : plainName}=${token}`, ...attributes].join('; ')
}

/**
 * The token in a `Cookie` header, if there is one. Over TLS only the name with the prefix counts: the other one can be set by
 * any host of the same domain, which could sign somebody in as somebody else that way.
 */
export function readSessionCookie(header: string | undefined, { https }: { https: boolean }): string | undefined {
  const cookies = new Map((header ?? '').split(';').map((pair) => splitPair(pair)))
  const token = cookies.get(https ? secureName : plainName)
  return token !== undefined && /^[\w.-]+$/.test(token) ? token : undefined
}

function splitPair(pair: string): [name: string, value: string] {
  const at = pair.indexOf('=')
  return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
}
