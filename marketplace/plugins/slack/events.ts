import type { PluginEvent, SeedContext } from '@tenon/sdk'
import { notifiers } from './notify'
import type { RoutingType } from './routing-types'
import type { Notification } from './slack-message'
import { textOf } from './text-of'

type Payload = Record<string, unknown>

interface KnownEvent {
  routingType: RoutingType
  /** What it is about, as the foot of the message says it. */
  subject: string
  describe(payload: Payload): Notification | undefined
}

/** Names in one message; the rest is a number. */
const MAX_NAMES = 5

/** The events that become notifications. The manifest subscribes to exactly these. */
export const knownEvents: Readonly<Record<string, KnownEvent>> = {
  'risk.imported': {
    routingType: 'Evidence and task alerts',
    subject: 'Risks',
    describe: (payload) => {
      const count = countOf(payload.imported)
      const source = textOf(payload.fileName)
      const what = count === undefined ? 'Risks were' : `${figure(count)} ${count === 1 ? 'risk was' : 'risks were'}`
      return { title: 'Risks imported', message: `${what} imported${source === '' ? '' : ` from ${source}`}.` }
    },
  },
  'risk.created': {
    routingType: 'Evidence and task alerts',
    subject: 'Risks',
    // An import announces itself, with more to say.
    describe: (payload) => ((payload.importId ?? null) === null ? added('risk', 'risks', payload) : undefined),
  },
  'risk.deleted': {
    routingType: 'Evidence and task alerts',
    subject: 'Risks',
    describe: (payload) => removed('risk', 'risks', payload),
  },
  'evidence.added': {
    routingType: 'Evidence and task alerts',
    subject: 'Evidence',
    describe: (payload) => added('piece of evidence', 'pieces of evidence', payload),
  },
  'task.assigned': {
    routingType: 'Evidence and task alerts',
    subject: 'Tasks',
    describe: (payload) => ({ title: 'Task assigned', message: subjectOf(payload) }),
  },
  'user.invited': {
    routingType: 'Membership and roles',
    subject: 'Members',
    describe: (payload) => ({
      title: 'New member',
      message: `${subjectOf(payload)} joined${role(payload.role, ' as ')}.`,
    }),
  },
  'user.role_changed': {
    routingType: 'Membership and roles',
    subject: 'Members',
    describe: (payload) => ({
      title: 'Role changed',
      message: `${subjectOf(payload)}${role(payload.from, ' was ')}${role(payload.to, ' and is now ')}.`,
    }),
  },
  'user.removed': {
    routingType: 'Membership and roles',
    subject: 'Members',
    describe: (payload) => ({ title: 'Member removed', message: `${subjectOf(payload)} is no longer a member.` }),
  },
  'project.created': {
    routingType: 'Projects and organizations',
    subject: 'Projects',
    describe: (payload) => added('project', 'projects', payload),
  },
  'project.deleted': {
    routingType: 'Projects and organizations',
    subject: 'Projects',
    describe: (payload) => removed('project', 'projects', payload),
  },
  'model.created': {
    routingType: 'Projects and organizations',
    subject: 'Models',
    describe: (payload) => added('model', 'models', payload),
  },
  'organization.updated': {
    routingType: 'Projects and organizations',
    subject: 'Organization',
    describe: (payload) => ({ title: 'Organization changed', message: subjectOf(payload) }),
  },
  'policy.status_changed': {
    routingType: 'Policy reminders and status',
    subject: 'Policies',
    describe: (payload) => ({
      title: 'Policy status changed',
      message: `${subjectOf(payload)}${role(payload.from, ' was ')}${role(payload.to, ' and is now ')}.`,
    }),
  },
  'policy.review_due': {
    routingType: 'Policy reminders and status',
    subject: 'Policies',
    describe: (payload) => ({ title: 'Policy review due', message: subjectOf(payload) }),
  },
  'policy.changed': {
    routingType: 'Control or policy changes',
    subject: 'Policies',
    describe: (payload) => ({ title: 'Policy changed', message: subjectOf(payload) }),
  },
  'control.changed': {
    routingType: 'Control or policy changes',
    subject: 'Controls',
    describe: (payload) => ({ title: 'Control changed', message: subjectOf(payload) }),
  },
}

/**
 * Called by the host for each event, at least once. Throws when a workspace did not get it, so that it is delivered
 * again: the error says which have had it, and they do not get it twice.
 */
export async function onEvent(event: PluginEvent, context: SeedContext): Promise<void> {
  const known = Object.prototype.hasOwnProperty.call(knownEvents, event.name) ? knownEvents[event.name] : undefined
  const notification = known?.describe(event.payload ?? {})
  if (!known || !notification) return
  const { id: eventId, name: eventName, occurredAt, settled } = event
  const origin = { eventId, eventName, subject: known.subject, occurredAt, settled }
  await notifiers[known.routingType](context.userId ?? 0, notification, context.sequelize, context, origin)
}

function added(one: string, several: string, payload: Payload): Notification {
  return changed('New', 'added', one, several, payload)
}

function removed(one: string, several: string, payload: Payload): Notification {
  return changed('Removed', 'removed', one, several, payload)
}

function changed(title: string, verb: string, one: string, several: string, payload: Payload): Notification {
  const names = namesOf(payload)
  const count = Math.max(countOf(payload.count) ?? 1, names.length, 1)
  const rest = names.length === 0 ? 0 : count - names.length
  const list = names.length === 0 ? '' : `: ${names.join(', ')}${rest > 0 ? ` and ${figure(rest)} more` : ''}`
  return {
    title: `${title} ${count === 1 ? one : several}`,
    message: `${figure(count)} ${count === 1 ? `${one} was` : `${several} were`} ${verb}${list}.`,
  }
}

/** 50000 as 50,000. */
const figure = (count: number) => count.toLocaleString('en')

function namesOf(payload: Payload): string[] {
  const names = Array.isArray(payload.names) ? payload.names.map(textOf) : [textOf(payload.name)]
  return names.filter((name) => name !== '').slice(0, MAX_NAMES)
}

function subjectOf(payload: Payload): string {
  return textOf(payload.name) || textOf(payload.title) || textOf(payload.email) || 'Somebody'
}

function role(value: unknown, before: string): string {
  const text = textOf(value)
  return text === '' ? '' : before + text
}

/** A whole number of things; undefined for what is none. */
function countOf(value: unknown): number | undefined {
  const count = Number(textOf(value) || NaN)
  return Number.isSafeInteger(count) && count >= 0 ? count : undefined
}
