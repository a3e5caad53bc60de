import { createEgressFetch, parseAllowPrivate, type PluginHostOptions } from '@tenon/host'
import type { AttackResult, Corpus } from '../corpus.js'
import type { Ground } from '../ground.js'
import { hostAttacks } from './host-attacks.js'
import { networkPlugin } from './network-plugin.js'
import { anywhereAttacks, declaredAttacks, permitted, type PluginAttack, probes } from './plugin-attacks.js'
import { publicAddress, type RecordingNetwork } from './recording-network.js'

/** How the host of the ground must be set up for these attacks, whatever the deployment allows. */
export function egressOptions(
  network: RecordingNetwork,
  grantable: PluginHostOptions['grantable'] = {},
): Pick<PluginHostOptions, 'egress' | 'grantable'> {
  return {
    grantable: { ...grantable, allowUndeclared: true },
    egress: {
      network,
      undeclaredMayReachAnyHost: true,
      allowPrivate: parseAllowPrivate('127.0.0.1/32:5000-5999'),
    },
  }
}

/** Where plugins and the host itself can be led on the network. Nothing leaves the machine: see {@link RecordingNetwork}. */
export function egressCorpus(ground: Ground, network: RecordingNetwork): Corpus {
  return {
    name: 'egress',
    async *run(signal) {
      const anywhere = [...probes, ...anywhereAttacks]
      await ground.install(ground.attacker, networkPlugin('doctor-anywhere', anywhere, network.trapPorts, undefined))
      await ground.install(
        ground.attacker,
        networkPlugin('doctor-declared', [...declaredAttacks, ...permitted], network.trapPorts, {
          database: { tenantSchema: false },
          network: { hosts: ['service.example', 'service.example:80', '*.wild.example'], fromConfiguration: ['url'] },
        }),
        { url: 'http://127.0.0.1:5000/api' },
      )
      await assertPermittedWorks(ground, network)
      for (const [at, attack] of anywhere.entries()) {
        if (signal?.aborted) return
        const result = await attempt(ground, network, 'doctor-anywhere', at, attack)
        yield result
        // With sockets of its own the plugin could send packets to the addresses that follow.
        if (at < probes.length && result.outcome === 'succeeded') return
      }
      for (const [at, attack] of declaredAttacks.entries()) {
        if (signal?.aborted) return
        yield await attempt(ground, network, 'doctor-declared', at, attack)
      }
      yield* attackHost(network, signal)
      for (const key of ['doctor-anywhere', 'doctor-declared']) await ground.uninstall(ground.attacker, key)
    },
  }
}

async function assertPermittedWorks({ call, attacker }: Ground, network: RecordingNetwork): Promise<void> {
  for (const [at, { name }] of permitted.entries()) {
    network.forget()
    const { data } = await call(attacker, 'doctor-declared', 'POST', '/try', { at: declaredAttacks.length + at })
    const { answer, error } = data as Attempted
    if (answer === undefined || network.received.length !== at + 1) {
      throw new Error(`a plugin that ${name}, which it may, gets nothing here: ${error ?? 'no request came'}`)
    }
  }
}

interface Attempted {
  answer?: string
  error?: string
}

async function attempt(
  { call, attacker }: Ground,
  network: RecordingNetwork,
  key: string,
  at: number,
  { name, hole }: PluginAttack,
): Promise<AttackResult> {
  network.forget()
  const { answer, error } = await call(attacker, key, 'POST', '/try', { at }).then(
    ({ data }) => data as Attempted,
    (failure: unknown): Attempted => ({ error: String(failure) }),
  )
  const [trapped] = network.trapped
  const wrong = network.dialled.find((target) => !mayBeDialled(key, target))
  if (trapped !== undefined) return { name, outcome: 'succeeded', how: `${trapped} came past the host` }
  if (wrong)
    return { name, outcome: 'succeeded', how: `a connection to ${wrong.address}:${wrong.port} was let through` }
  if (hole === 'answer' && error === undefined) return { name, outcome: 'succeeded', how: `it got ${answer}` }
  return { name, outcome: 'stopped', how: error ?? 'nothing but what it may reach was reached' }
}

function mayBeDialled(key: string, { address, port }: { address: string; port: number }): boolean {
  if (key === 'doctor-anywhere') return Object.values(publicAddress).includes(address)
  if (address === publicAddress.service) return port === 80 || port === 443
  return address === publicAddress.wild && port === 443
}

async function* attackHost(network: RecordingNetwork, signal: AbortSignal | undefined): AsyncGenerator<AttackResult> {
  const fetch = createEgressFetch({ lookup: network.lookup, dial: network.dial, timeoutMs: 5_000 })
  try {
    for (const { name, run, isHole } of hostAttacks) {
      if (signal?.aborted) return
      network.forget()
      const outcome = await run(fetch).then(
        (answer) => ({ answer: String(answer), error: undefined }),
        (error: unknown) => ({ answer: '', error: error instanceof Error ? error.message : String(error) }),
      )
      const wrong = network.dialled.find(({ address }) => !Object.values(publicAddress).includes(address))
      if (wrong) yield { name, outcome: 'succeeded', how: `a connection to ${wrong.address} was let through` }
      else if (isHole?.({ ...network, answer: outcome.answer })) {
        yield {
          name,
          outcome: 'succeeded',
          how: `it got ${outcome.answer.slice(0, 160) || JSON.stringify(network.received).slice(0, 160)}`,
        }
      } else yield { name, outcome: 'stopped', how: outcome.error ?? 'nothing but what may be reached was reached' }
    }
  } finally {
    await fetch.close()
  }
}
