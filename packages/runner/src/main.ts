import { AsyncLocalStorage } from 'node:async_hooks'
import { writeSync } from 'node:fs'
import net from 'node:net'
import {
  channelLimits,
  createChannel,
  type HostMessage,
  type RunnerMessage,
  UnsendableValue,
} from '@tenon/contract/wire'
import { createCallContext } from './call-context.js'
import { type CallProgress, createCallProgress } from './call-progress.js'
import { wireError, errorFromHost } from './errors.js'
import { InvocationFault, invoke } from './invoke.js'
import { limitAgents, modestFetch } from './modest-clients.js'
import { lockDown, replaceGlobals, trustExtraAuthorities } from './lockdown.js'
import { createPluginConsole } from './plugin-console.js'
import { createPluginLoader, LoadError, type LoadedPlugin } from './plugin-module.js'
import { createProcessFacade } from './process-facade.js'
import { readRunnerOptions } from './runner-options.js'
import { prepareSeal } from './seal/seal.js'
import { installVirtualSockets } from './virtual-sockets.js'

type CallMessage = Extract<HostMessage, { t: 'call' }>

interface RunningCall {
  id: number
  controller: AbortController
  progress: CallProgress
}

const messagePipe = new net.Socket({ fd: 3, readable: true, writable: true })
const socketPipe = new net.Socket({ fd: 4, readable: true, writable: true })
const exit = process.reallyExit.bind(process)
// The host is gone, or has closed this runner: nothing is left to do.
for (const pipe of [messagePipe, socketPipe]) for (const end of ['close', 'error', 'end']) pipe.on(end, () => exit(0))

const currentCall = new AsyncLocalStorage<RunningCall>()
const running = new Map<number, RunningCall>()
const asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
let nextAsk = 1
let plugin: LoadedPlugin | undefined

const { limits, seal } = readRunnerOptions(process.argv[2])
const send = (message: RunnerMessage) => channel.send(message)
const pluginConsole = createPluginConsole(
  (level, text, dropped) =>
    send({ t: 'log', call: currentCall.getStore()?.id, level, text, ...(dropped > 0 ? { dropped } : {}) }),
  limits,
)

// Now, because afterwards nothing native can be loaded.
const prepared = seal && orEnd(() => prepareSeal(seal))
const processFacade = createProcessFacade(process, pluginConsole, { mayReadOwnMemory: prepared === undefined })
const loader = createPluginLoader(processFacade)

process.on('uncaughtException', (error) => pluginConsole.write('error', `Uncaught: ${wireError(error).message}`))
process.on('unhandledRejection', (error) => {
  pluginConsole.write('error', `A promise was rejected and nobody handled it: ${wireError(error).message}`)
})

const channel = createChannel({
  stream: messagePipe,
  limits: channelLimits('runner', limits),
  onMessage: (message) => receive(message as HostMessage),
  onViolation: () => exit(70),
})

lockDown(messagePipe)
installVirtualSockets(socketPipe)
limitAgents()
replaceGlobals({ process: processFacade, console: pluginConsole.console, fetch: modestFetch() })
if (prepared) orEnd(prepared.seal)
send({ t: 'ready' })

/** A runner that could not be sealed must not run anything. */
function orEnd<Result>(step: () => Result): Result {
  try {
    return step()
  } catch (error) {
    writeSync(2, `not sealed: ${wireError(error).message}\n`)
    return exit(71)
  }
}

function receive(message: HostMessage): void {
  if (message.t === 'call') void answer(message)
  else if (message.t === 'reply') settle(message)
  else if (message.t === 'cancel') running.get(message.id)?.controller.abort(new Error(message.reason))
  else if (message.t === 'ping') send({ t: 'pong', id: message.id })
  else if (message.t === 'load') load(message)
}

function load(message: Extract<HostMessage, { t: 'load' }>): void {
  try {
    trustExtraAuthorities(message.extraCa)
    Object.assign(processFacade.env, message.environment)
    const loaded = loader.load(message)
    plugin = loaded.plugin
    send({ t: 'loaded', report: plugin.report, codeCache: loaded.codeCache })
  } catch (error) {
    const failure = error instanceof LoadError ? error.failure : 'PLUGIN_LOAD_FAILED'
    const cause = error instanceof LoadError ? (error.cause ?? error) : error
    send({ t: 'loaded', failure, error: wireError(cause) })
  }
}

async function answer(message: CallMessage): Promise<void> {
  const progress = createCallProgress((told) => send({ t: 'progress', call: message.id, ...told }))
  const call: RunningCall = { id: message.id, controller: new AbortController(), progress }
  running.set(call.id, call)
  try {
    const value = await currentCall.run(call, () => run(message, call))
    progress.end()
    // A field without a value would be left out.
    const isNoValue = typeof value === 'function' || typeof value === 'symbol'
    if (isNoValue) throw new UnsendableValue(`The value is a ${typeof value}.`)
    send({ t: 'answer', id: call.id, value })
  } catch (error) {
    progress.end()
    send({ t: 'answer', id: call.id, error: wireError(error), ...faultOf(error) })
  } finally {
    running.delete(call.id)
  }
}

function faultOf(error: unknown) {
  if (error instanceof InvocationFault) return { fault: error.fault }
  if (!(error instanceof UnsendableValue)) return {}
  return {
    fault: error.code === 'RESULT_TOO_LARGE' ? ('RESULT_TOO_LARGE' as const) : ('PLUGIN_RESULT_INVALID' as const),
  }
}

async function run(message: CallMessage, call: RunningCall): Promise<unknown> {
  if (!plugin) throw new Error('no plugin is loaded')
  const context = createCallContext({
    told: message.context,
    signal: call.controller.signal,
    console: pluginConsole.console,
    request: (method, params) => ask(call, method, params),
    progress: call.progress.tell,
  })
  return invoke(plugin, message.invocation, context, limits)
}

function ask(call: RunningCall, method: string, params: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (!running.has(call.id)) {
      const ended = new Error(`${method} was asked for after the call has ended.`)
      return reject(Object.assign(ended, { code: 'CALL_ENDED' }))
    }
    const id = nextAsk++
    asked.set(id, { resolve, reject })
    try {
      send({ t: 'ask', id, call: call.id, method, params })
    } catch (error) {
      asked.delete(id)
      reject(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

function settle(message: Extract<HostMessage, { t: 'reply' }>): void {
  const waiting = asked.get(message.id)
  asked.delete(message.id)
  if ('error' in message) waiting?.reject(errorFromHost(message.error))
  else waiting?.resolve(message.value)
}
