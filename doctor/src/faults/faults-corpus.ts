import { setTimeout as sleep } from 'node:timers/promises'
import type { PluginHostOptions } from '@tenon/host'
import type { AttackResult, Corpus } from '../corpus.js'
import type { Ground, GroundPlugin, GroundTenant } from '../ground.js'

/** What a plugin does to itself and to its process, in the hope that others suffer for it. */
interface Fault {
  name: string
  /** Body of the route. */
  code: string
  /** What the caller hears of it. */
  tells: RegExp
  /** In a thousand. */
  share: number
  /** Where a fault is made that nobody would wait for: in a call with a deadline of its own, far shorter than that of others. */
  hangs?: true
}

/** Nobody goes away before it: what hangs is ended because its time is over. */
const deadlineMs = 200
const deadlineTold = /did not answer within 0\.2 s/

const faults: Fault[] = [
  { name: 'exits', tells: /ended its own process/, share: 250, code: 'process.exit(1)' },
  { name: 'throws', tells: /^injected$/, share: 150, code: `throw new Error('injected')` },
  {
    name: 'throws after its answer',
    tells: /^it was answered$/,
    share: 100,
    code: `setTimeout(() => { throw new Error('injected') }); return { data: 1 }`,
  },
  {
    name: 'rejects without anybody listening',
    tells: /^it was answered$/,
    share: 100,
    code: `Promise.reject(new Error('injected')); return { data: 1 }`,
  },
  {
    name: 'calls itself for ever',
    tells: /call stack/,
    share: 100,
    code: `const deeper = (): any => deeper() + 1; return { data: deeper() }`,
  },
  {
    name: 'floods the log',
    tells: /^it was answered$/,
    share: 100,
    code: `for (let i = 0; i < 20000; i++) console.log('flood ' + i); return { data: 1 }`,
  },
  {
    name: 'answers with more than an answer may have',
    tells: /at most 8 MB/,
    share: 60,
    code: `return { data: 'x'.repeat(9_000_000) }`,
  },
  {
    name: 'asks the database too much at once',
    tells: /^it was answered$/,
    share: 40,
    code: `await Promise.allSettled(Array.from({ length: 50 }, () => sequelize.query('SELECT 1'))); return { data: 1 }`,
  },
  { name: 'never answers', tells: deadlineTold, share: 60, code: 'return new Promise(() => {})', hangs: true },
  { name: 'spins', tells: deadlineTold, share: 40, code: 'for (;;) {}', hangs: true },
]

/** Crashes may follow each other here, and nobody waits long for what does not answer. */
export function faultOptions() {
  return {
    limits: {
      runtime: {
        maxCrashes: 1_000_000,
        backoffMs: 0,
        testConnectionMs: deadlineMs,
        graceMs: 150,
        pingMs: 300,
        maxQueuedPerPlugin: 500,
      },
    },
  } satisfies Pick<PluginHostOptions, 'limits'>
}

/** The part of the faults that came about at least; another fault of the same process may have been faster. */
const leastPart = 0.9

/** Faults of the plugins of some organizations, while the plugin of others works. */
export function faultsCorpus(ground: Ground, count = 1_000): Corpus {
  return {
    name: 'faults',
    async *run(signal) {
      const others = [ground.victim, await ground.addTenant('Bystander')]
      const faulty = [ground.attacker, await ground.addTenant('Second attacker')]
      for (const tenant of others) await ground.install(tenant, steadyPlugin)
      for (const tenant of faulty) await ground.install(tenant, faultyPlugin)
      const plan = shuffled(
        faults.flatMap((fault) => Array.from({ length: Math.round((fault.share * count) / 1_000) }, () => fault)),
      )

      const calmMs = Math.min(5_000, count * 10)
      await calmWork(ground, others, 500)
      const before = await calmWork(ground, others, calmMs)

      const done = new AbortController()
      const during = work(ground, others, done.signal)
      const told = await Promise.all(
        faulty.map((tenant, at) =>
          inject(
            ground,
            tenant,
            plan.filter((_, index) => index % faulty.length === at),
            signal,
          ),
        ),
      )
      done.abort()
      const disturbed = await during
      const after = await calmWork(ground, others, calmMs)

      for (const { name, share, tells } of faults) {
        const times = Math.round((share * count) / 1_000)
        const answers = told.flatMap((heard) => heard.get(name) ?? [])
        const injected = answers.filter((answer) => tells.test(answer)).length
        if (injected < times * leastPart) {
          const instead = answers.find((answer) => !tells.test(answer))
          throw new Error(`the fault "${name}" came about ${injected} times instead of ${times}: ${instead}`)
        }
        const how = answers.find((answer) => tells.test(answer)) ?? ''
        yield { name: `${name}, ${injected} of ${times} times`, outcome: 'stopped', how }
      }
      yield* judge([before, after], disturbed)
    },
  }
}

/** What calls of others take when nothing is wrong. */
async function calmWork(ground: Ground, tenants: readonly GroundTenant[], milliseconds: number): Promise<Work> {
  const over = new AbortController()
  const working = work(ground, tenants, over.signal)
  await sleep(milliseconds)
  over.abort()
  return working
}

interface Work {
  calls: number
  durations: number[]
  failures: string[]
  /** Answers that were somebody else's. */
  strays: string[]
}

/** What others do meanwhile: one call after the other in each organization, each with a number that must come back. */
async function work(ground: Ground, tenants: readonly GroundTenant[], until: AbortSignal): Promise<Work> {
  const result: Work = { calls: 0, durations: [], failures: [], strays: [] }
  await Promise.all(
    tenants.map(async (tenant) => {
      for (let number = 0; !until.aborted; number++) {
        const began = performance.now()
        try {
          const { data } = await ground.call(tenant, steadyPlugin.key, 'POST', '/work', { number })
          const said = JSON.stringify(data)
          const expected = JSON.stringify({ number, tenantId: tenant.schema, risk: tenant.canary })
          if (said !== expected) result.strays.push(`${said} instead of ${expected}`)
        } catch (error) {
          result.failures.push(error instanceof Error ? error.message : String(error))
        }
        result.calls++
        result.durations.push(performance.now() - began)
        await sleep(5)
      }
    }),
  )
  return result
}

/** One fault after the other; answers what the host said of each, by its name. */
async function inject(
  ground: Ground,
  tenant: GroundTenant,
  plan: readonly Fault[],
  signal: AbortSignal | undefined,
): Promise<Map<string, string[]>> {
  const told = new Map<string, string[]>()
  for (const { name, hangs } of plan) {
    if (signal?.aborted) break
    const answer = await (hangs ? hang(ground, tenant, name) : commit(ground, tenant, name)).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    )
    told.set(name, [...(told.get(name) ?? []), answer.slice(0, 160)])
  }
  return told
}

async function commit({ call }: Ground, tenant: GroundTenant, name: string): Promise<string> {
  await call(tenant, faultyPlugin.key, 'POST', '/fault', { name })
  return 'it was answered'
}

async function hang({ host }: Ground, tenant: GroundTenant, fault: string): Promise<string> {
  const { schema: tenantId, organizationId, userId } = tenant
  const principal = { tenantId, organizationId, userId, role: 'Admin' as const, sessionId: '', isOperator: false }
  return (await host.service.testConnection(faultyPlugin.key, { fault }, principal)).message
}

/** A machine has other things to do as well, so what is calm is asked before and after. */
function* judge(calmTimes: readonly Work[], disturbed: Work): Generator<AttackResult> {
  const { calls, failures, strays } = disturbed
  yield failures.length === 0
    ? { name: 'makes calls of others fail', outcome: 'stopped', how: `${calls} calls of others, none failed` }
    : {
        name: 'makes calls of others fail',
        outcome: 'succeeded',
        how: `${failures.length} of ${calls}: ${failures[0]}`,
      }
  yield strays.length === 0
    ? { name: 'leads answers to the wrong caller', outcome: 'stopped', how: `${calls} answers went where they belong` }
    : {
        name: 'leads answers to the wrong caller',
        outcome: 'succeeded',
        how: `${strays.length} of ${calls}: ${strays[0]}`,
      }
  const calm = Math.max(...calmTimes.map(({ durations }) => p99(durations)))
  const slow = p99(disturbed.durations)
  const how = `the slowest of a hundred calls of others took ${slow.toFixed(1)} ms, without faults ${calm.toFixed(1)} ms (${(slow / calm).toFixed(1)} times)`
  yield { name: 'makes others wait', outcome: slow > 2 * calm ? 'succeeded' : 'stopped', how }
}

function p99(durations: readonly number[]): number {
  const sorted = durations.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.99) - 1)] ?? 0
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  const mixed = [...items]
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1))
    const item = mixed[at] as Item
    mixed[at] = mixed[other] as Item
    mixed[other] = item
  }
  return mixed
}

const lifecycle = `
export async function install() { return { success: true } }
export async function uninstall() { return { success: true } }
export const metadata = {}`

const steadyPlugin: GroundPlugin = {
  key: 'doctor-steady',
  entry: { permissions: { database: { tenantSchema: false, tables: { risks: ['select'] } } } },
  files: {
    'index.ts': `${lifecycle}
export const router = {
  'POST /work': async ({ sequelize, tenantId, body }: any) => {
    const [row]: any = await sequelize.query('SELECT risk_name FROM risks LIMIT 1', { type: 'SELECT' })
    return { data: { number: body.number, tenantId, risk: row.risk_name } }
  },
}`,
  },
}

const faultyPlugin: GroundPlugin = {
  key: 'doctor-faulty',
  entry: { permissions: { database: { tenantSchema: false } } },
  files: {
    'index.ts': `// @ts-nocheck
${lifecycle}
const faults: any = {
${faults.map(({ name, code }) => `  ${JSON.stringify(name)}: async (sequelize: any) => { ${code} },`).join('\n')}
}
export const testConnection = (configuration: any) => faults[configuration.fault]()
export const router = {
  'POST /fault': async ({ sequelize, body }: any) => faults[body.name](sequelize),
}`,
  },
}
