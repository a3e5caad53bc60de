import { setTimeout as sleep } from 'node:timers/promises'
import { startSlackStandin, type SlackStandin } from '@tenon/standins'
import pg from 'pg'
import type { SlackAccess } from '../hosts/slack-access.js'
import type { Section } from '../report.js'
import type { OurHost, Surroundings } from '../surroundings.js'

const count = 1_000
/** Deliveries that a host has under way at once, of all organizations together. */
const concurrency = 12
const patienceMs = 120_000

/** Events of the application to messages in a channel, and what a kill in the middle of them costs. */
export async function measureNotifications(surroundings: Surroundings): Promise<Section> {
  const credentials = { clientId: 'bench', clientSecret: 'the secret of a measurement' }
  const slack = await startSlackStandin({ ...credentials, tls: true, publicWebhookBase: 'https://hooks.slack.com' })
  const access = { ...credentials, at: new URL(slack.url).host, caCertificate: slack.caCertificate ?? '' }
  const database = new pg.Client(surroundings.connection)
  await database.connect()
  try {
    return sectionOf(await measure(surroundings, slack, access, database))
  } finally {
    await database.end()
    await slack.close()
  }
}

interface Measured {
  ms: number
  lost: number
  repeated: number
}

async function measure(
  surroundings: Surroundings,
  slack: SlackStandin,
  access: SlackAccess,
  database: pg.Client,
): Promise<Measured> {
  const host = await surroundings.startOurHost('packed', 1, { slack: access })
  let successor: OurHost | undefined
  try {
    const [organizationId = 0] = host.organizationIds
    await host.ask('install', 'slack', organizationId)
    await host.ask('connectSlack', 'general')
    await arrived(slack, await announce(database, organizationId, 20))

    const startedAt = performance.now()
    await arrived(slack, await announce(database, organizationId, count))
    const ms = performance.now() - startedAt

    const before = slack.inbox().length
    const ids = await announce(database, organizationId, count)
    await until(() => slack.inbox().length >= before + count / 2)
    await host.kill()
    successor = await surroundings.startOurHost('packed', 1, { slack: access, after: host })
    await endClaims(database)
    await arrived(slack, ids).catch(() => undefined)
    const messages = messagesOf(slack, ids)
    return { ms, lost: ids.size - new Set(messages).size, repeated: messages.length - new Set(messages).size }
  } finally {
    await successor?.stop()
    await host.stop()
  }
}

function sectionOf({ ms, lost, repeated }: Measured): Section {
  const rate = (count * 1_000) / ms
  return {
    title: `${count.toLocaleString('en')} notifications to one Slack channel`,
    rows: [
      { id: 'notify-rate', what: 'delivered', value: rate, unit: 'a second', target: { atLeast: 100 } },
      {
        id: 'notify-lost',
        what: 'lost when the host is killed half-way',
        value: lost,
        unit: 'messages',
        target: { atMost: 0 },
      },
      { id: 'notify-repeated', what: 'sent twice', value: repeated, unit: 'messages', target: { atMost: concurrency } },
    ],
  }
}

/** What the triggers of an application do; the ids of the events. */
async function announce(database: pg.Client, organizationId: number, events: number): Promise<ReadonlySet<string>> {
  const { rows } = await database.query<{ event_id: string }>(
    `INSERT INTO tenon.outbox (organization_id, source, name, payload)
     SELECT $1, 'app', 'project.created', jsonb_build_object('count', 1, 'names', ARRAY['Project ' || n])
     FROM generate_series(1, $2) n RETURNING event_id`,
    [organizationId, events],
  )
  return new Set(rows.map(({ event_id: id }) => id))
}

/** As if the minutes had passed for which a dead host keeps what it was delivering. */
async function endClaims(database: pg.Client): Promise<void> {
  await database.query(`UPDATE tenon.event_deliveries SET next_attempt_at = now() WHERE state = 'waiting'`)
}

/** The ids of the events that messages came from, once for each message. */
function messagesOf(slack: SlackStandin, ids: ReadonlySet<string>): string[] {
  return slack.inbox().flatMap(({ payload }) => {
    const { event_payload: { event_id: id = '' } = {} } = (payload['metadata'] ?? {}) as Metadata
    return ids.has(id) ? [id] : []
  })
}

interface Metadata {
  event_payload?: { event_id?: string }
}

async function arrived(slack: SlackStandin, ids: ReadonlySet<string>): Promise<void> {
  await until(() => new Set(messagesOf(slack, ids)).size === ids.size)
}

/** @throws Error when it takes too long */
async function until(holds: () => boolean): Promise<void> {
  const endsAt = performance.now() + patienceMs
  while (!holds()) {
    if (performance.now() > endsAt) throw new Error('The notifications have not arrived.')
    await sleep(20)
  }
}
