import os from 'node:os'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CallContext,
  type CallFault,
  channelLimits,
  type CommonTime,
  createChannel,
  createTimeShare,
  type HostMessage,
  type LogLevel,
  type PluginInvocation,
  type RunnerMessage,
  type WireError,
} from '@tenon/contract/wire'
import { connectChecked, type ConnectRules, EgressRefusal, type NetworkPolicy } from '../egress/connect.js'
import { createCourtesy } from './courtesy.js'
import { type NetworkAccount, noNetworkAccount } from './egress-meter.js'
import { createHostSockets, type HostSockets } from './host-sockets.js'
import { runnerPid } from './launch.js'
import { informationFd } from './namespaces.js'
import type { LaunchedChild } from './launcher.js'
import type { RuntimeLimits } from './limits.js'
import { parseRunnerMessage } from './message-schemas.js'

/** Functions that a plugin may ask the host for during a call; bound by the caller to one tenant. */
export type HostCalls = Readonly<Record<string, (params: unknown) => Promise<unknown>>>

export interface LogLine {
  level: LogLevel
  text: string
  /** Lines that were cut off before this one because there were too many. */
  dropped?: number | undefined
}

export interface Progress {
  done: number
  total?: number | undefined
  message?: string | undefined
}

/** One call as the process runs it. */
export interface ProcessCall {
  invocation: PluginInvocation
  context: CallContext
  network: NetworkPolicy
  /** Asked for when the plugin asks for something first: most calls never do. */
  host: () => HostCalls
  onProgress?: ((progress: Progress) => void) | undefined
  onLog?: ((line: LogLine) => void) | undefined
}

export type CallOutcome = { value: unknown } | { error: WireError; fault?: CallFault | undefined }

export interface CallInProcess {
  /** What the runner answers, or how the process ended before it did. */
  readonly outcome: Promise<CallOutcome | { end: ProcessEnd }>
  /** Tells the plugin to stop. */
  cancel(reason: string): void
  /** Stops waiting: the host refuses what the call still asks for, and drops its answer. */
  abandon(): void
}

/** Why the host ended a process; `text` is one line for a person. */
export interface EndReason {
  kind:
    /** Faults of the plugin, which count as crashes. */
    | 'memory'
    | 'violation'
    | 'unresponsive'
    /** It could not be started. */
    | 'start'
    /** It had no call for a while, or had to make room. */
    | 'idle'
    /** It had grown, and starts afresh. */
    | 'recycled'
    /** A call of it did not come to an end, and may still be at work. */
    | 'deadline'
    /** Another version takes its place, or it may do something else now. */
    | 'changed'
    /** Somebody wanted it to stop. */
    | 'stopped'
    /** The host came to its end, or a part of it that plugins hang on. */
    | 'host-stop'
  text: string
}

/** How a process came to its end. */
export interface ProcessEnd {
  exitCode: number | null
  signal: NodeJS.Signals | null
  /** Set when the host ended it. */
  reason: EndReason | undefined
  /** Last words on its error output, for the operator's log. */
  lastWords: string
}

export type LoadOutcome = Extract<RunnerMessage, { t: 'loaded' }> & {
  /** Whether V8 took a code cache that it was given. */
  codeCached?: boolean
}

export interface RunnerProcess {
  /** Where the plugin runs; 0 while that is not known yet. */
  readonly pid: number
  /** The process that was started: its end is the plugin's end. */
  readonly startedPid: number
  /** Resolves when the runner has locked itself down; rejects when it never does. */
  readonly ready: Promise<void>
  readonly ended: Promise<ProcessEnd>
  readonly alive: boolean
  readonly callsInFlight: number
  readonly sockets: Pick<HostSockets, 'open' | 'bytesIn' | 'bytesOut'>
  /** For how long nothing was read from it, because its messages had had their share of time. */
  readonly restedMs: number
  load(message: Omit<Extract<HostMessage, { t: 'load' }>, 't'>): Promise<LoadOutcome>
  begin(call: ProcessCall): CallInProcess
  /** True when the process answers within `timeoutMs`. */
  ping(timeoutMs: number): Promise<boolean>
  /** SIGKILL: nothing in JavaScript can catch it. The first reason counts. */
  kill(reason: EndReason): void
}

type Ask = Extract<RunnerMessage, { t: 'ask' }>

interface RunningCall extends ProcessCall {
  settle: (outcome: CallOutcome | { end: ProcessEnd }) => void
  hostCalls?: HostCalls
}

/** For reading what arrived while the host was busy. */
const afterStallMs = 50
/** When V8 gives up, it says why, and then where, in 3,000 characters or so. */
const maxLastWords = 8_000
/** Messages of one child, before everybody else has a turn; a few hundred log lines take ten times as long. */
const longestTurnMs = 2

/** Speaks with one child process. Everything that comes from it is checked; what is not as agreed ends it. */
export function createRunnerProcess(options: {
  child: LaunchedChild
  limits: RuntimeLimits
  /** What the messages of all may take together. Default: they are not together. */
  messageTime?: CommonTime
  egress: Pick<ConnectRules, 'lookup' | 'dial' | 'hostMap'>
  /** What is wrong with a runner that calls itself ready, from outside; undefined when nothing is. */
  flawOf: (pid: number) => string | undefined
  /** Whose connections and bytes these are. Absent: there are none. */
  networkAccount?: () => NetworkAccount
  onLog: (line: LogLine) => void
  onNetworkRefused: (refusal: EgressRefusal) => void
}): RunnerProcess {
  const { child, limits } = options
  const named = runnerPid(child, limits.niceness)
  let pid = child.pipes.has(informationFd) ? 0 : child.pid
  void named.then((known) => (pid = known))
  const calls = new Map<number, RunningCall>()
  const abandoned = new Set<number>()
  const pings = new Map<number, (answered: boolean) => void>()
  let nextId = 1
  let hostCalls = 0
  let hostCallBytes = 0
  /** Requests that are begun when the child has read some of its answers. */
  const waiting: (() => void)[] = []
  let endReason: EndReason | undefined
  let endedAs: ProcessEnd | undefined
  let alive = true
  let lastWords = ''
  let onLoaded: ((outcome: LoadOutcome) => void) | undefined
  let becomeReady: () => void = () => undefined
  let lingering: NodeJS.Timeout | undefined
  const chatter = createChatterMeter(limits.maxChatterPerSecond)
  const courtesy = createCourtesy({ leader: child.pid, idOf: () => pid, hasCalls: () => calls.size > 0, limits })

  // Calls and pings are told from here: a `then` for each of them would stay with the promise as long as the process lives.
  const ended = endOf(child, () => ({ reason: endReason, lastWords })).then((end) => {
    if (!endReason) channel.flush()
    alive = false
    endedAs = end
    courtesy.stop()
    clearTimeout(lingering)
    for (const call of calls.values()) call.settle({ end })
    for (const settle of pings.values()) settle(false)
    return end
  })
  const ready = new Promise<void>((resolve, reject) => {
    becomeReady = resolve
    const timer = setTimeout(() => kill({ kind: 'start', text: 'it did not start in time' }), limits.startMs)
    void ended.then((end) => reject(new Error(`a runner ended while it started: ${describeEnd(end)}`)))
    void ended.finally(() => clearTimeout(timer))
    becomeReady = () => (clearTimeout(timer), resolve())
  })
  ready.catch(() => undefined)

  /** For what arrives on both pipes. */
  const share = createTimeShare(limits.messageMsPerSecond, options.messageTime)
  const messagePipe = child.pipes.get(3) as Duplex
  messagePipe.on('error', () => undefined)
  const channel = createChannel({
    stream: messagePipe,
    limits: channelLimits('host', limits),
    longestTurnMs,
    share,
    onMessage: (message, bytes) => receive(parseRunnerMessage(message), bytes),
    onViolation: ({ message }) => violate(message),
  })
  const sockets = createHostSockets({
    pipe: child.pipes.get(4) as Duplex,
    maxConnections: limits.maxConnections,
    maxWaiting: limits.maxWaitingConnections,
    maxWaitMs: limits.connectMs,
    connect: (host, port) => connectChecked(host, port, unitedRules()).catch(reportRefusal),
    account: options.networkAccount ?? (() => noNetworkAccount),
    longestTurnMs,
    share,
    onViolation: ({ message }) => violate(message),
  })
  child.pipes.get(2)?.on('data', (bytes: Buffer) => {
    lastWords = (lastWords + bytes.subarray(-maxLastWords).toString('utf8')).slice(-maxLastWords)
  })

  function receive(message: RunnerMessage, bytes: number): void {
    switch (message.t) {
      case 'ready':
        return void receiveReady()
      case 'loaded':
        if (!onLoaded) return violate('it reported a load that was not asked for')
        onLoaded(message)
        onLoaded = undefined
        return
      case 'pong':
        return receivePong(message.id)
      case 'answer':
        return receiveAnswer(message)
      case 'ask':
        return void reply(message, bytes)
      case 'log':
      case 'progress':
        if (chatter.isTooMuch()) return violate(`it sent more than ${limits.maxChatterPerSecond} log lines in a second`)
        return message.t === 'log' ? receiveLog(message) : calls.get(message.call)?.onProgress?.(message)
    }
  }

  /** The process is named on another pipe, of which the host may read a moment later. */
  async function receiveReady(): Promise<void> {
    const known = await named
    if (!alive) return
    const flaw = options.flawOf(known)
    if (flaw) kill({ kind: 'start', text: flaw })
    else becomeReady()
  }

  function receivePong(id: number): void {
    const answered = pings.get(id)
    if (!answered) return violate('it answered a ping that was not sent')
    pings.delete(id)
    answered(true)
  }

  function receiveAnswer(message: Extract<RunnerMessage, { t: 'answer' }>): void {
    const call = calls.get(message.id)
    if (!call && abandoned.delete(message.id)) return
    if (!call) return violate('it answered a call that was not made')
    end(message.id)
    call.settle('error' in message ? { error: message.error, fault: message.fault } : { value: message.value })
  }

  function receiveLog({ call, level, text, dropped }: Extract<RunnerMessage, { t: 'log' }>): void {
    const line = { level, text, dropped }
    const listener = call === undefined ? undefined : calls.get(call)?.onLog
    ;(listener ?? options.onLog)(line)
  }

  async function reply(ask: Ask, bytes: number): Promise<void> {
    // Comes in spite of the pause only when its process has ended, and then nobody is left to hear of it.
    if (hostCalls >= limits.maxHostCalls) return
    hostCalls += 1
    hostCallBytes += bytes
    if (hostCalls >= limits.maxHostCalls || hostCallBytes >= limits.maxHostCallBytes) channel.pause()
    if (readsTooLittle()) {
      await new Promise<void>((resolve) => waiting.push(resolve))
      if (!alive) return
    }
    const answer = await answerOf(calls.get(ask.call), ask)
    const sent = () => {
      hostCalls -= 1
      hostCallBytes -= bytes
      if (hostCalls < limits.maxHostCalls / 2 && hostCallBytes < limits.maxHostCallBytes / 2) channel.resume()
      // One for one: what they answer is not known before.
      if (!readsTooLittle()) waiting.shift()?.()
    }
    if (!alive) return sent()
    try {
      channel.send({ t: 'reply', id: ask.id, ...answer } satisfies HostMessage, sent)
    } catch (error) {
      channel.send({ t: 'reply', id: ask.id, error: errorForPlugin(error) } satisfies HostMessage, sent)
    }
    if (messagePipe.writableLength > limits.maxUnreadBytes) violate('it does not read what it asks for')
  }

  function readsTooLittle(): boolean {
    return messagePipe.writableLength > limits.maxUnreadBytes / 2
  }

  /** A connection may open when any call in flight may open it: sockets of one process cannot be told apart. */
  function unitedRules(): ConnectRules {
    const policies = [...calls.values()].map(({ network }) => network)
    return {
      ...options.egress,
      connectTimeoutMs: limits.connectMs,
      allows: (host, port) => policies.some((policy) => policy.allows(host, port)),
      allowsAddress: (address, host, port) =>
        policies.some((policy) => policy.allows(host, port) && policy.allowsAddress(address, host, port)),
    }
  }

  function reportRefusal(error: unknown): never {
    if (error instanceof EgressRefusal) {
      options.onNetworkRefused(error)
      const text = `${error.message}: ${error.reason}`
      for (const { onLog } of calls.values()) onLog?.({ level: 'warn', text })
    }
    throw error
  }

  function end(id: number): void {
    calls.delete(id)
    clearTimeout(lingering)
    if (calls.size === 0) lingering = setTimeout(() => sockets.closeAll(), limits.socketLingerMs).unref()
  }

  function violate(text: string): void {
    kill({ kind: 'violation', text: `it broke the protocol: ${text}` })
  }

  function kill(reason: EndReason): void {
    endReason ??= reason
    alive = false
    killRunner(child, pid)
  }

  return {
    get pid() {
      return pid
    },
    startedPid: child.pid,
    ready,
    ended,
    get alive() {
      return alive
    },
    get callsInFlight() {
      return calls.size
    },
    sockets,
    get restedMs() {
      return channel.restedMs() + sockets.restedMs()
    },
    kill,
    load: (message) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => kill({ kind: 'unresponsive', text: 'its top-level code did not come to an end' }),
          limits.loadMs,
        )
        onLoaded = (outcome) => (clearTimeout(timer), resolve(outcome))
        void ended.then((processEnd) => {
          clearTimeout(timer)
          reject(new Error(describeEnd(processEnd)))
        })
        try {
          channel.send({ t: 'load', ...message } satisfies HostMessage)
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
          kill({ kind: 'start', text: 'its plugin could not be sent to it' })
        }
      }),
    begin(call) {
      const id = nextId++
      clearTimeout(lingering)
      courtesy.watch()
      const outcome: CallInProcess['outcome'] = new Promise((settle) => {
        calls.set(id, { ...call, settle })
        if (endedAs) settle({ end: endedAs })
      })
      try {
        channel.send({ t: 'call', id, invocation: call.invocation, context: call.context } satisfies HostMessage)
      } catch (error) {
        end(id)
        throw error
      }
      return {
        outcome,
        cancel: (reason) => alive && channel.send({ t: 'cancel', id, reason } satisfies HostMessage),
        abandon() {
          if (calls.has(id)) abandoned.add(id)
          end(id)
        },
      }
    },
    ping(timeoutMs) {
      const id = nextId++
      return new Promise((resolve) => {
        let timer: NodeJS.Timeout
        let excusedMs = channel.restedMs()
        /** As long as the host did not read, nothing could be heard of an answer. */
        const wait = (milliseconds: number) => {
          timer = setTimeout(() => {
            const restedMs = channel.restedMs() - excusedMs
            excusedMs += restedMs
            if (restedMs >= 1) wait(restedMs)
            // A host that was blocked itself sees its timers before the answers that wait in the pipe.
            else timer = setTimeout(() => resolve(false), afterStallMs)
          }, milliseconds)
        }
        wait(timeoutMs)
        pings.set(id, (answered) => (clearTimeout(timer), resolve(answered)))
        if (endedAs) pings.get(id)?.(false)
        else if (alive) channel.send({ t: 'ping', id } satisfies HostMessage)
      })
    },
  }
}

/** Under T3 the plugin is a child of the one that was started, which then cleans up after it and ends. */
function killRunner(child: LaunchedChild, pid: number): void {
  if (pid === 0 || pid === child.pid || child.isOver) return child.kill()
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    child.kill()
  }
}

async function answerOf(call: RunningCall | undefined, ask: Ask): Promise<{ value: unknown } | { error: WireError }> {
  if (!call) {
    return {
      error: { name: 'Error', message: `${ask.method} was asked for after the call has ended.`, code: 'CALL_ENDED' },
    }
  }
  call.hostCalls ??= call.host()
  const answer = Object.hasOwn(call.hostCalls, ask.method) ? call.hostCalls[ask.method] : undefined
  if (!answer) {
    return { error: { name: 'Error', message: `The host has no "${ask.method}" for plugins.`, code: 'UNKNOWN_METHOD' } }
  }
  try {
    return { value: await answer(ask.params) }
  } catch (error) {
    return { error: errorForPlugin(error) }
  }
}

/** What a plugin learns about a failure on the host's side: words, never a stack. */
function errorForPlugin(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error).slice(0, 2_000) }
  const { code, details } = error as { code?: unknown; details?: unknown }
  return {
    name: error.name,
    message: error.message.slice(0, 2_000),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof details === 'object' && details !== null ? { details } : {}),
  }
}

/** Not longer: whoever holds the other end of a pipe may be somebody else. */
const drainMs = 500

/** Waits until the pipes are drained too, so that an answer sent just before the end still counts. */
async function endOf(
  { exited, closed, pipes }: LaunchedChild,
  why: () => Pick<ProcessEnd, 'reason' | 'lastWords'>,
): Promise<ProcessEnd> {
  const { isLost, ...exit } = await exited
  for (const pipe of pipes.values()) pipe.resume()
  await Promise.race([closed, sleep(drainMs, undefined, { ref: false })])
  for (const pipe of pipes.values()) pipe.destroy()
  const { reason = isLost ? lost : undefined, lastWords } = why()
  return { ...(pipes.has(informationFd) ? exitInside(exit) : exit), reason, lastWords }
}

/** Bubblewrap's own end, for that of the process it held: after a signal it ends with 128 and the signal's number. */
function exitInside(exit: Pick<ProcessEnd, 'exitCode' | 'signal'>): Pick<ProcessEnd, 'exitCode' | 'signal'> {
  const number = (exit.exitCode ?? 0) - 128
  const signal = Object.entries(os.constants.signals).find(([, known]) => known === number)?.[0]
  return signal === undefined ? exit : { exitCode: null, signal: signal as NodeJS.Signals }
}

/** Nothing that a plugin could be blamed for. */
const lost: EndReason = { kind: 'host-stop', text: 'the process that starts plugins has come to its end' }

/** With which a runner ends that the kernel would not hold. */
const notSealedCode = 71

/** One line about an end, for logs and errors. */
export function describeEnd({ reason, exitCode, signal, lastWords }: ProcessEnd): string {
  if (reason) return reason.text
  if (/heap limit|out ?of ?memory|bad_alloc/i.test(lastWords)) return 'it ran out of memory'
  const notSealed = exitCode === notSealedCode && /^not sealed: .*$/m.exec(lastWords)
  if (notSealed) return notSealed[0]
  if (exitCode !== null) return `it ended itself with code ${exitCode}`
  const likely = signal && signalsOfEngine.has(signal) ? ', most likely because it was given no more memory' : ''
  return `it ended by ${signal ?? 'an unknown signal'}${likely}`
}

/** JavaScript alone cannot end a process so. V8 does, often without a word, when the kernel refuses it memory. */
const signalsOfEngine: ReadonlySet<NodeJS.Signals> = new Set(['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGTRAP', 'SIGILL'])

function createChatterMeter(maxPerSecond: number): { isTooMuch(): boolean } {
  let second = 0
  let count = 0
  return {
    isTooMuch() {
      const now = Math.floor(Date.now() / 1_000)
      if (now !== second) count = 0
      second = now
      return ++count > maxPerSecond
    },
  }
}
