import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { VerifiedArtifact } from '@tenon/contract'
import { createRuntime, type PluginTarget, type Runtime, type Tier } from '@tenon/host'
import { build } from 'esbuild'
import type { Row, Section } from '../report.js'
import { median, p95 } from '../statistics.js'

const small = `exports.install = () => ({}); exports.hello = () => 'hello'`
/** What a person notices as waiting, and as slow, when a page asks a plugin for the first time. */
const firstCallTargetsMs = { small: 10, exceljs: 100 }
const callsBefore = 500
const callsPerRound = 300
/** Until the pool is full again: what is measured is not a server under a storm of first calls. */
const refillMs = 600
const idlePlugins = 8

/** What each tier of the sandbox costs, beside a plain child of Node that is told nothing and does nothing. */
export async function measureSandbox(rounds: number): Promise<Section> {
  const tiers = await tiersHere()
  const plain: PlainChild = {
    starts: await timesOf(rounds * 3, startPlainChild),
    calls: await callPlainChild(callsPerRound * rounds),
  }
  const rows: Row[] = [
    line('sandbox-start-plain', 'a plain child of Node starts', plain.starts),
    line('sandbox-warm-plain', 'it answers a message', plain.calls),
  ]
  const workbook = await withExceljs()
  for (const tier of tiers) rows.push(...(await rowsOfTier(tier, { rounds, plain, workbook })))
  return { title: `Sandbox: tiers ${tiers.join(', ')}`, rows }
}

/** Milliseconds. */
interface PlainChild {
  starts: number[]
  calls: number[]
}

/** From the weakest to the strongest that holds on this machine. */
async function tiersHere(): Promise<Tier[]> {
  const runtime = start('T3', 0)
  const { tier } = await runtime.selfTest()
  await runtime.stop()
  return (['T1', 'T2', 'T3'] as const).filter((each) => each <= tier)
}

async function rowsOfTier(
  tier: Tier,
  { rounds, plain, workbook }: { rounds: number; plain: PlainChild; workbook: string },
): Promise<Row[]> {
  const cold = start(tier, 0)
  await cold.selfTest()
  const starts = await timesOf(rounds * 3, (round) => firstCall(cold, targetOf(small, `start${round}`)))
  const warm = targetOf(small, 'warm')
  for (let count = 0; count < callsBefore; count += 1) await call(cold, warm)
  const calls = await timesOf(callsPerRound * rounds, () => timed(() => call(cold, warm)))
  await cold.stop({ drainMs: 0 })

  const pooled = start(tier, 3)
  const first = await firstCallsOf(pooled, small, rounds)
  const firstWorkbook = await firstCallsOf(pooled, workbook, rounds)
  const memory = await idleMegabytes(pooled)
  await pooled.stop({ drainMs: 0 })
  const id = `sandbox-${tier.toLowerCase()}`
  return [
    line(`${id}-start`, `${tier}: a process starts, loads a small plugin and answers, without a pool`, starts),
    {
      id: `${id}-start-ratio`,
      what: `${tier}: that, to a plain child`,
      value: median(starts) / median(plain.starts),
      unit: 'times',
    },
    line(`${id}-warm`, `${tier}: a warm call`, calls),
    {
      id: `${id}-warm-ratio`,
      what: `${tier}: that, to a message to a plain child and back`,
      value: median(calls) / median(plain.calls),
      unit: 'times',
    },
    {
      ...line(`${id}-first`, `${tier}: first call of a small plugin, warm pool and code cache`, first),
      target: { atMost: firstCallTargetsMs.small },
    },
    {
      ...line(`${id}-first-exceljs`, `${tier}: first call of one with exceljs`, firstWorkbook),
      target: { atMost: firstCallTargetsMs.exceljs },
    },
    ...(memory === undefined
      ? []
      : [
          {
            id: `${id}-memory`,
            what: `${tier}: memory of its own per idle process`,
            value: memory,
            unit: 'MB' as const,
          },
        ]),
  ]
}

const line = (id: string, what: string, values: number[]): Row => ({
  id,
  what,
  value: median(values),
  p95: p95(values),
  unit: 'ms',
})

const silent = { info: () => undefined, warn: () => undefined }
const start = (maxTier: Tier, warmRunners: number) => createRuntime({ log: silent, maxTier, limits: { warmRunners } })

/** Each on a process of its own, with the code cache that the inspection left. */
async function firstCallsOf(runtime: Runtime, code: string, rounds: number): Promise<number[]> {
  await runtime.inspect(targetOf(code, 'inspected'))
  return timesOf(rounds * 3, async (round) => {
    await sleep(refillMs)
    return firstCall(runtime, targetOf(code, `first${round}`))
  })
}

async function firstCall(runtime: Runtime, target: PluginTarget): Promise<number> {
  const ms = await timed(() => call(runtime, target))
  await runtime.stopPlugin(target.tenantId, target.pluginKey)
  return ms
}

function call(runtime: Runtime, target: PluginTarget): Promise<unknown> {
  return runtime.call(target, {
    invocation: { kind: 'function', name: 'hello', args: [] },
    context: { tenantId: target.tenantId, userId: 1, organizationId: 1, configuration: {} },
  })
}

/** Code as if it had been verified: what is measured begins behind the check. */
function targetOf(code: string, tenantId: string): PluginTarget {
  const digest = createHash('sha256').update(code).digest('hex')
  return {
    tenantId,
    pluginKey: 'measured',
    artifact: { digest, pluginKey: 'measured', version: '1.0.0', code } as VerifiedArtifact,
  }
}

async function startPlainChild(): Promise<number> {
  const child = spawn(process.execPath, ['-e', `require('fs').writeSync(3, 'ready')`], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: {},
  })
  const ms = await timed(() => once(child.stdio[3] as Readable, 'data'))
  child.kill('SIGKILL')
  return ms
}

/** Over the channel of messages that Node gives to a child of its own. */
async function callPlainChild(count: number): Promise<number[]> {
  const child = spawn(process.execPath, ['-e', `process.on('message', () => process.send('hello'))`], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: {},
  })
  for (let before = 0; before < callsBefore; before += 1) await ask(child)
  const times = await timesOf(count, () => timed(() => ask(child)))
  child.kill('SIGKILL')
  return times
}

function ask(child: ChildProcess): Promise<unknown> {
  const answer = once(child, 'message')
  child.send('hello')
  return answer
}

/** Dirty pages that a process shares with nobody; undefined where the system does not say. */
async function idleMegabytes(runtime: Runtime): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  for (let count = 0; count < idlePlugins; count += 1) await call(runtime, targetOf(small, `idle${count}`))
  await sleep(refillMs)
  return median(
    runtime.status().processes.map(({ pid }) => {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
      return Number(/^Private_Dirty:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1_024
    }),
  )
}

async function withExceljs(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import ExcelJS from 'exceljs'
        export const install = () => ({})
        export const hello = () => { new ExcelJS.Workbook().addWorksheet('x'); return 'hello' }`,
      resolveDir: import.meta.dirname,
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

async function timesOf(count: number, once: (round: number) => Promise<number>): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < count; round += 1) times.push(await once(round))
  return times
}
