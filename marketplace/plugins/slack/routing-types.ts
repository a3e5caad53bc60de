/** What a channel can be told about. Each event belongs to one of them, and each workspace chooses among them. */
export const VALID_ROUTING_TYPES = [
  'Membership and roles',
  'Projects and organizations',
  'Policy reminders and status',
  'Evidence and task alerts',
  'Control or policy changes',
] as const

export type RoutingType = (typeof VALID_ROUTING_TYPES)[number]

export function isRoutingType(value: unknown): value is RoutingType {
  return VALID_ROUTING_TYPES.some((known) => known === value)
}

/**
 * The routing types of a workspace: what was chosen for it, even if that is none; otherwise the configured default;
 * otherwise all, so that a new workspace is not silent.
 */
export function effectiveRouting(chosen: unknown, configured: unknown): readonly string[] {
  if (Array.isArray(chosen)) return chosen.map(String)
  if (Array.isArray(configured)) return configured.map(String)
  return VALID_ROUTING_TYPES
}
