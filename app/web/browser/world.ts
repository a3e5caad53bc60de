import { type Api, registerOverApi } from './people.js'
import type { Tenon } from './start-tenon.js'
import { password } from './visitor.js'

/** Two organizations, one that has just begun and one that works with everything, and a reader of the second. */
export const people = {
  newcomer: 'grace@new.example',
  admin: 'ada@acme.example',
  reader: 'alan@acme.example',
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
  return admin
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
