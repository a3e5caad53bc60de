import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type KernelAttempt, readKernelProbe } from './kernel-probe.js'
import { type Confinement, launchKernelProbe, launchRunner, type Tier } from './launch.js'
import type { Launcher } from './launcher.js'
import { resolveLimits } from './limits.js'
import { createRunnerProcess, type RunnerProcess } from './runner-process.js'
import { flawOfSeal, type TierNotTaken } from './tiers.js'

/** Outcome of the hostile probes that a blank runner must withstand. */
export interface SelfTest {
  tier: Tier
  passed: boolean
  /** What a probe could do although it must not. */
  breaches: string[]
  /** What plugins need and the probe could not do. */
  broken: string[]
  /** Stronger tiers that plugins do not run under here, and why. */
  notTaken: TierNotTaken[]
}

/** What the probes of one confinement found. */
export type ProbeFindings = Pick<SelfTest, 'breaches' | 'broken'>

/** Somebody waits for a probe. */
const probeLimits = resolveLimits({ niceness: 0 })
/** Twelve attempts of at most a second each, and some. */
const probeMs = 15_000

/** Each attempt must fail; its name is what it would have achieved. Only reads, and harms nothing if it succeeds. */
const probe = `
const attempts = {
  'read a file': () => require('fs').readFileSync('/etc/hostname'),
  'load a real fs': async () => (await import('node:fs')).readdirSync('/'),
  'read the environment': () => { if (Object.keys(process.env).length === 0) throw 0 },
  'start a program': () => require('child_process').execFileSync('/bin/true'),
  'start a thread': () => new (require('worker_threads').Worker)('0', { eval: true }),
  'signal another process': () => process.kill(process.ppid, 0),
  'open an inspector': () => require('inspector').url(),
  'use a native binding': () => process.binding('fs'),
  'reach the loader': () => require('module')._load('fs').readdirSync('/'),
  'listen on a port': () => new Promise((resolve, reject) =>
    require('net').createServer().on('error', reject).listen(0, '127.0.0.1', resolve)),
  'connect without the host': () => new Promise((resolve, reject) =>
    require('net').connect(9, '127.0.0.1').on('error', reject).on('connect', resolve)),
  'ask a name server': () => require('dns').promises.lookup('localhost'),
}
const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0,
  10, 6, 1, 4, 0, 65, 42, 11])
const promised = (run) => new Promise((resolve, reject) => run((error, value) => (error ? reject(error) : resolve(value))))
const needs = {
  'compress on other threads': () => promised((done) => require('zlib').gzip('x', done)),
  'derive a key on other threads': () => promised((done) => require('crypto').pbkdf2('x', 'y', 1, 32, 'sha256', done)),
  'run WebAssembly': async () => (await WebAssembly.instantiate(wasm)).instance.exports.f(),
  'tell the time anywhere': () => new Intl.DateTimeFormat('de', { timeZone: 'Asia/Tokyo' }).format(0) + new Date(),
  'compile what is hot': () => { let sum = 0; for (let i = 0; i < 1e5; i++) sum = (sum * 31 + i) | 0 },
  'fetch': async () => (await fetch('data:,x')).text(),
  'wait': () => new Promise((resolve) => setTimeout(resolve, 1)),
}
exports.install = () => ({ success: true })
exports.work = async () => {
  const broken = []
  for (const [name, need] of Object.entries(needs)) try { await need() } catch { broken.push(name) }
  return broken
}
exports.probe = async () => {
  const breaches = []
  for (const [name, attempt] of Object.entries(attempts)) {
    const tooLong = new Promise((resolve, reject) => setTimeout(reject, 1000))
    try { await Promise.race([attempt(), tooLong]); breaches.push(name) } catch {}
  }
  return breaches
}`

/** Attacks a blank runner from inside, through JavaScript, and sees that it still can do what plugins need. */
export async function probeRunner(runner: RunnerProcess): Promise<ProbeFindings> {
  try {
    const code = Buffer.from(probe)
    const loaded = await runner.load({ plugin: 'self-test', code, wantCodeCache: false, extraCa: [] })
    if (!('report' in loaded)) return { breaches: [], broken: [`load the probe: ${loaded.error.message}`] }
    return { breaches: await ask(runner, 'probe'), broken: await ask(runner, 'work') }
  } finally {
    runner.kill({ kind: 'stopped', text: 'the self-test is over' })
  }
}

async function ask(runner: RunnerProcess, name: string): Promise<string[]> {
  const { outcome } = runner.begin({
    invocation: { kind: 'function', name, args: [] },
    context: { tenantId: '', userId: 0, organizationId: 0, configuration: {} },
    network: { allows: () => false, allowsAddress: () => false },
    host: () => ({}),
  })
  const answer: unknown = await Promise.race([outcome, runner.ended, sleep(probeMs, undefined, { ref: false })])
  const value = typeof answer === 'object' && answer !== null && 'value' in answer ? answer.value : undefined
  return Array.isArray(value) ? value.map((line) => String(line).slice(0, 200)) : ['the probe did not come to an end']
}

/** Every attempt on the kernel, made from where a plugin would be that got past all JavaScript; none under T1. */
export async function attackKernel(
  launcher: Launcher,
  directory: string,
  confinement: Confinement,
): Promise<KernelAttempt[]> {
  if (confinement.tier === 'T1') return []
  return readKernelProbe(await launchKernelProbe(launcher, { directory, limits: probeLimits, confinement }))
}

/** Those that succeeded. */
export async function probeKernel(launcher: Launcher, directory: string, confinement: Confinement): Promise<string[]> {
  const attempts = await attackKernel(launcher, directory, confinement)
  return attempts.flatMap(({ attempt, result }) => (result === undefined ? [] : [`${attempt} (${result})`]))
}

/** Everything that does not hold under a confinement, tried in processes of its own. */
export async function attackConfinement(launcher: Launcher, confinement: Confinement): Promise<string[]> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'tenon-probe-'))
  const runner = createRunnerProcess({
    child: await launchRunner(launcher, { directory, limits: probeLimits, confinement }),
    limits: probeLimits,
    egress: {},
    flawOf: (pid) => flawOfSeal(pid, confinement),
    networkAccount: () => ({ open: () => 'a probe has no network', count: () => false }),
    onLog: () => undefined,
    onNetworkRefused: () => undefined,
  })
  try {
    await runner.ready
    const [kernel, { breaches, broken }] = await Promise.all([
      probeKernel(launcher, directory, confinement),
      probeRunner(runner),
    ])
    return [...kernel, ...breaches, ...broken.map((need) => `a plugin could not ${need}`)]
  } finally {
    runner.kill({ kind: 'stopped', text: 'the self-test is over' })
    rmSync(directory, { recursive: true, force: true })
  }
}
