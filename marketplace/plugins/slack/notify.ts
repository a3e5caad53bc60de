import type { SeedContext, Sequelize } from '@tenon/sdk'
import { deliver } from './deliver'
import { connectedDestinations, storedDestinations } from './destinations'
import { isRoutingType, type RoutingType, VALID_ROUTING_TYPES } from './routing-types'
import type { Notification, Origin } from './slack-message'
import { textOf } from './text-of'

/**
 * Sends a notification to the workspaces that want this kind. With `context` those are the organization's connections;
 * without, as plugins of the first generation call it, the rows of `userId` in `public.slack_webhooks`.
 *
 * @throws DeliveryError when a workspace did not get it; the others did.
 */
export async function sendNotificationByRoutingType(
  userId: number,
  routingType: string,
  notification: Notification,
  sequelize: Sequelize,
  context?: Partial<SeedContext>,
  origin: Origin = {},
): Promise<void> {
  if (!isRoutingType(routingType)) {
    throw new Error(`"${routingType}" is not a routing type. It must be one of: ${VALID_ROUTING_TYPES.join(', ')}`)
  }
  const destinations = context?.connections
    ? await connectedDestinations({ sequelize, ...context }, routingType)
    : await storedDestinations(sequelize, userId, routingType)
  await deliver(notification ?? {}, { ...origin, routingType }, destinations, context)
}

/** What happened, as far as the caller knows it. */
export interface Happening {
  /** Of the thing: a control, a task, a policy, a person, a project. */
  name?: string
  /** What happened to it, such as `was approved`. */
  action?: string
  /** Who did it. */
  by?: string
  description?: string
  title?: string
  message?: string
}

type Notify = (
  userId: number,
  happening: Happening,
  sequelize: Sequelize,
  context?: Partial<SeedContext>,
  origin?: Origin,
) => Promise<void>

export const notifyControlPolicyChange: Notify = notifier('Control or policy changes', 'Control or policy changed')
export const notifyEvidenceTaskAlert: Notify = notifier('Evidence and task alerts', 'Evidence or task alert')
export const notifyPolicyReminderStatus: Notify = notifier('Policy reminders and status', 'Policy reminder')
export const notifyMembershipRoles: Notify = notifier('Membership and roles', 'Membership or role changed')
export const notifyProjectOrganization: Notify = notifier(
  'Projects and organizations',
  'Project or organization changed',
)

/** By what they are about. */
export const notifiers: Readonly<Record<RoutingType, Notify>> = {
  'Control or policy changes': notifyControlPolicyChange,
  'Evidence and task alerts': notifyEvidenceTaskAlert,
  'Policy reminders and status': notifyPolicyReminderStatus,
  'Membership and roles': notifyMembershipRoles,
  'Projects and organizations': notifyProjectOrganization,
}

function notifier(routingType: RoutingType, usualTitle: string): Notify {
  return (userId, happening, sequelize, context, origin) => {
    const { title = usualTitle, ...rest } = happening ?? {}
    const notification = { title, message: sentenceOf(rest) }
    return sendNotificationByRoutingType(userId, routingType, notification, sequelize, context, origin)
  }
}

function sentenceOf({ name, action, by, description, message }: Happening): string {
  if ((message ?? '') !== '') return textOf(message)
  const what = [name, action].filter((part) => part !== undefined).join(' ')
  const who = by === undefined ? '' : ` (by ${by})`
  return [`${what}${who}`.trim(), description].filter((part) => part !== undefined && part !== '').join('\n')
}
