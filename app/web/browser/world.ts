import { type Api, registerOverApi, signInOverApi } from './people.js'
import type { Tenon } from './start-tenon.js'
import { password } from './visitor.js'

/**
 * Two organizations, one that has just begun and one that works with everything, a reader of the second, and a third one
 * whose editors ask their admin for plugins.
 */
export const people = {
  newcomer: 'grace@new.example',
  admin: 'ada@acme.example',
  reader: 'alan@acme.example',
  asked: 'ada@waiting.example',
  asker: 'emmy@waiting.example',
} as const
export type Person = keyof typeof people

/** Fills the world, over the API. */
export async function fillWorld(tenon: Tenon): Promise<Api> {
  await registerOverApi(tenon.url, 'Newcomers', people.newcomer)
  const admin = await registerOverApi(tenon.url, 'Acme', people.admin)
  const plugins = await admin.call<{ key: string }[]>('GET', '/api/plugins/marketplace')
  const installations = new Map<string, number>()
  for (const { key } of plugins) {
    const { id } = await admin.call<{ id: number }>('POST', '/api/plugins/install', { pluginKey: key })
    installations.set(key, id)
  }
  for (const { pluginKey, configuration } of tenon.samples) {
    if (!configuration) continue
    const path = `/api/plugins/installations/${installations.get(pluginKey)}/configuration`
    await admin.call('PUT', path, { configuration })
  }
  await syncAll(admin)
  await admin.call('POST', '/api/plugins/webhooks', webhookOf(tenon))
  for (const risk of risks) await admin.call('POST', '/api/risks', risk)
  const reader = { name: 'Alan', surname: 'Turing', email: people.reader, role: 'Reviewer', password }
  await admin.call('POST', '/api/users', reader)
  await fillRequests(tenon)
  return admin
}

/** One request in each state that lasts: two that are open for one plugin, one for another, and one that was declined. */
async function fillRequests({ url }: Tenon): Promise<void> {
  const admin = await registerOverApi(url, 'Waiting', people.asked)
  const [one, two, three] = await admin.call<{ key: string }[]>('GET', '/api/plugins/marketplace')
  const askers = await Promise.all(
    [
      { name: 'Emmy', surname: 'Noether', email: people.asker, note: 'For the reviews of our models.\n'.repeat(2) },
      { name: 'Mary', surname: 'Somerville', email: 'mary@waiting.example', note: 'Long text everywhere. '.repeat(20) },
    ].map(async ({ note, ...person }) => {
      await admin.call('POST', '/api/users', { ...person, role: 'Editor', password })
      return { ...(await signInOverApi(url, person.email)), note }
    }),
  )
  for (const { call, note } of askers) await call('POST', '/api/plugins/requests', { pluginKey: one?.key, note })
  await askers[1]?.call('POST', '/api/plugins/requests', { pluginKey: two?.key })
  const declined = await askers[0]?.call<{ id: number }>('POST', '/api/plugins/requests', { pluginKey: three?.key })
  const reason = 'We look at another product for this first. Ask again in January.'
  await admin.call('POST', `/api/plugins/requests/${declined?.id}/decline`, { reason })
}

/** Something on this machine that answers, and takes no webhooks: what is sent there fails with a status. */
function webhookOf({ samples }: Tenon) {
  const values = samples.flatMap(({ configuration }) => Object.values(configuration ?? {}))
  const address = values.find((value): value is string => typeof value === 'string' && value.startsWith('http://'))
  const url = new URL('/hooks/tenon', address).href
  return { url, events: ['risk.*', 'user.invited'], description: 'Our data lake' }
}

interface Installed {
  pluginKey: string
  plugin?: { contributes?: { actions?: { route: string }[]; views?: object[] } }
}

/** Whatever brings data into a view is done once. */
async function syncAll(admin: Api): Promise<void> {
  const installed = await admin.call<Installed[]>('GET', '/api/plugins/installations')
  for (const { pluginKey, plugin } of installed.filter((one) => (one.plugin?.contributes?.views?.length ?? 0) > 0)) {
    const [method = 'POST', path = ''] = plugin?.contributes?.actions?.[0]?.route.split(' ') ?? []
    await admin.call(method, `/api/plugins/${pluginKey}${path}`)
  }
}

const risks = [
  [
    'Training data holds personal data',
    'Records of customers were copied without being made anonymous.',
    'Likely',
    'Major',
  ],
  [
    'Drift of the scoring model',
    'Scores get worse after prices change, and nobody notices for weeks.',
    'Possible',
    'Moderate',
  ],
  [
    'A very long name that somebody pasted from a report and that goes on and on, because nobody stopped it'.repeat(2),
    'Long text everywhere. '.repeat(30),
    'Rare',
    'Minor',
  ],
].map(([risk_name, risk_description, likelihood, severity]) => ({
  risk_name,
  risk_description,
  likelihood,
  severity,
  ai_lifecycle_phase: 'Monitoring & maintenance',
}))
