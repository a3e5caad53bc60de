import { setTimeout as sleep } from 'node:timers/promises'
import type { Tier } from './launch.js'
import type { RunnerProcess } from './runner-process.js'

/** Outcome of the hostile probe that a blank runner must withstand. */
export interface SelfTest {
  tier: Tier
  passed: boolean
  /** What the probe could do although it must not. */
  breaches: string[]
}

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
exports.install = () => ({ success: true })
exports.probe = async () => {
  const breaches = []
  for (const [name, attempt] of Object.entries(attempts)) {
    const tooLong = new Promise((resolve, reject) => setTimeout(reject, 1000))
    try { await Promise.race([attempt(), tooLong]); breaches.push(name) } catch {}
  }
  return breaches
}`

/** Attacks a blank runner from inside. Run at start-up: its answer decides what may run here. */
export async function runSelfTest(takeBlank: () => Promise<RunnerProcess>, tier: Tier): Promise<SelfTest> {
  const process = await takeBlank()
  try {
    const code = Buffer.from(probe)
    const loaded = await process.load({ plugin: 'self-test', code, wantCodeCache: false, extraCa: [] })
    if (!('report' in loaded))
      return { tier, passed: false, breaches: [`the probe did not load: ${loaded.error.message}`] }
    const { outcome } = process.begin({
      invocation: { kind: 'function', name: 'probe', args: [] },
      context: { tenantId: '', userId: 0, organizationId: 0, configuration: {} },
      network: { allows: () => false, allowsAddress: () => false },
      host: {},
    })
    return readBreaches(await Promise.race([outcome, process.ended, sleep(probeMs, undefined, { ref: false })]), tier)
  } finally {
    process.kill({ kind: 'stopped', text: 'the self-test is over' })
  }
}

function readBreaches(outcome: unknown, tier: Tier): SelfTest {
  const value = typeof outcome === 'object' && outcome !== null && 'value' in outcome ? outcome.value : undefined
  if (!Array.isArray(value)) return { tier, passed: false, breaches: ['the probe did not come to an end'] }
  const breaches = value.map((breach) => String(breach).slice(0, 200))
  return { tier, passed: breaches.length === 0, breaches }
}
