import type { PluginHostOptions } from '@tenon/host'
import type { AttackResult, Corpus } from '../corpus.js'
import type { Ground, GroundPlugin } from '../ground.js'
import { asks, manifestAttacks, type ManifestAttack } from './manifest-attacks.js'

/** The least that an operator can allow, so that every field has something to be refused by. */
export function strictOptions(
  deployment: Partial<PluginHostOptions>,
): Pick<PluginHostOptions, 'grantable' | 'publicUrl'> {
  const connection = {
    clientId: 'a client',
    clientSecret: 'a secret of the operator',
    authorizeUrl: 'https://service.example/authorize',
    tokenUrl: 'https://service.example/token',
    audience: ['service.example'],
    scopes: ['read'],
  }
  return {
    publicUrl: 'http://localhost',
    grantable: {
      tables: deployment.grantable?.tables ?? {},
      environment: { 'manifest-environment-of-another': ['TENON_DOCTOR_VARIABLE'] },
      connections: { 'manifest-scopes': connection },
      network: { hosts: ['service.example', '*.wild.example'], fromConfiguration: false },
      events: ['risk.imported'],
      schedule: false,
      ui: { images: false },
      tenantSchema: false,
      allowUndeclared: false,
    },
  }
}

/** What a manifest may ask for, field by field, under the strictest ceiling that an operator can set. */
export function manifestCorpus(ground: Ground): Corpus {
  return {
    name: 'manifest',
    async *run(signal) {
      await assertPlainIsInstalled(ground)
      for (const [at, attack] of manifestAttacks.entries()) {
        if (signal?.aborted) return
        yield await attempt(ground, at, attack)
      }
    },
  }
}

/** Where not even a plugin that asks for nothing can be installed, refusals prove nothing. */
async function assertPlainIsInstalled(ground: Ground): Promise<void> {
  await ground.install(ground.attacker, pluginOf('manifest-plain', { field: '', name: '', entry: asks({}) }))
}

async function attempt(ground: Ground, at: number, attack: ManifestAttack): Promise<AttackResult> {
  const { name, got } = attack
  const plugin = pluginOf(`manifest-${at}`, attack)
  try {
    await ground.install(ground.attacker, plugin)
  } catch (error) {
    return { name, outcome: 'stopped', how: (error instanceof Error ? error.message : String(error)).slice(0, 200) }
  }
  if (got === undefined) return { name, outcome: 'succeeded', how: 'it was installed' }
  const { data } = await ground.call(ground.attacker, plugin.key, 'GET', '/got')
  const answer = data as string | unknown[]
  return answer.length === 0
    ? { name, outcome: 'stopped', how: 'it was installed, and got nothing by it' }
    : { name, outcome: 'succeeded', how: `it got ${JSON.stringify(answer).slice(0, 160)}` }
}

function pluginOf(key: string, { entry, got = `return ''` }: ManifestAttack): GroundPlugin {
  const named = typeof entry['key'] === 'string' ? entry['key'] : key
  return {
    key: named,
    entry: { pluginPath: named, ...entry },
    files: {
      'index.ts': `
        export async function install() { return { success: true } }
        export async function uninstall() { return { success: true } }
        export const metadata = {}
        export const router = { 'GET /got': async () => { const got = async (): Promise<any> => { ${got} }; return { data: await got() } } }`,
    },
  }
}
