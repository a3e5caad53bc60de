import type { Plugin } from '../plugins/types.js'

/**
 * Why a plugin cannot be installed here, as a sentence; undefined when it can.
 *
 * @example <ReasonedButton reason={whyNotInstallable(plugin)} onClick={() => navigate('/install')}>Install</ReasonedButton>
 * @since 0.1.0
 */
export function whyNotInstallable({ installable, blocked, refusals = [] }: Plugin): string | undefined {
  if (installable !== false) return undefined
  if (blocked) return `An operator of this installation has blocked it: ${blocked.reason}`
  return `It ${refusals.join('; ') || 'asks for more than is allowed here'}.`
}
