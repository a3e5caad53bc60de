import type { RunnerLimits } from '@tenon/contract/wire'
import { limit, type LimitsOf, limitsOf, mebibyte } from '../limit-table.js'

/** Every limit of the runtime, with its unit and why it is what it is. */
export const runtimeLimitTable = {
  validateConfigMs: limit(5_000, 'ms', 'looks at a form; a person waits'),
  testConnectionMs: limit(30_000, 'ms', 'one slow outside server; a person waits'),
  lifecycleMs: limit(60_000, 'ms', 'install and configure hold a transaction open'),
  uninstallMs: limit(30_000, 'ms', 'a plugin that hangs must not keep itself installed'),
  routeMs: limit(30_000, 'ms', 'proxies in front give up at about this time'),
  eventMs: limit(30_000, 'ms', 'a notification; the outbox tries again'),
  functionMs: limit(60_000, 'ms', 'the named functions of the seed answer a page'),
  jobMs: limit(15 * 60_000, 'ms', 'a sync of a large server'),
  graceMs: limit(2_000, 'ms', 'time to tidy up after a cancel'),
  pingMs: limit(1_000, 'ms', 'a child that is only waiting answers within milliseconds, also at nice 5'),
  startMs: limit(20_000, 'ms', 'a blank runner needs 80 ms, on a busy machine more'),
  loadMs: limit(20_000, 'ms', 'top-level code of a plugin with large libraries needs 200 ms'),
  queueWaitMs: limit(30_000, 'ms', 'longer, and whoever asked has gone'),
  idleStopMs: limit(90_000, 'ms', 'a person reads a page for about that long'),
  idlePingMs: limit(5_000, 'ms', 'how often a child without calls must show that it does not spin'),
  socketLingerMs: limit(5_000, 'ms', 'keep-alive between two calls; connections without a call are cut'),
  connectMs: limit(10_000, 'ms', 'resolving and connecting'),
  memoryPollMs: limit(250, 'ms', 'a Buffer bomb fills about 500 MB in that time'),
  crashWindowMs: limit(60 * 60_000, 'ms', 'crashes further apart are bad luck; those of all servers count together'),
  crashPauseMs: limit(24 * 60 * 60_000, 'ms', 'a person, or a new version, ends the pause earlier'),
  maxCrashes: limit(3, 'crashes', 'then a person has to look at it'),
  backoffMs: limit(500, 'ms', 'before a restart after a crash; doubled with each further crash'),
  restartGapMs: limit(
    400,
    'ms',
    'between two restarts after bad ends, of all plugins: a start takes 60 ms of a processor, and most of it stays for those that work. Tenants take turns',
  ),
  maxCallsPerPlugin: limit(8, 'calls', 'in flight per tenant and plugin, so that one tenant cannot take everything'),
  maxQueuedPerPlugin: limit(200, 'calls', 'waiting per tenant and plugin; more is overload'),
  maxHostCalls: limit(256, 'calls', 'requests of one child in flight; reading pauses beyond'),
  maxHostCallBytes: limit(
    128 * mebibyte,
    'bytes',
    'of the requests of one child in flight, which have 72 MB each at most; reading pauses beyond',
  ),
  maxUnreadBytes: limit(
    256 * mebibyte,
    'bytes',
    'of answers that a child asked for and does not read, of which one may have 128 MB; from half of them on its further requests wait, and beyond them it is ended',
  ),
  maxResidents: limit(48, 'processes', '16 to 20 MB each with libraries loaded: about 1 GB'),
  warmRunners: limit(2, 'processes', '7 MB each, and saves 80 ms of a first call'),
  maxRssBytes: limit(
    512 * mebibyte,
    'bytes',
    'building a workbook of 100,000 rows needs about 250 MB; from Node 22 on, V8 may take three quarters of it for its heap',
  ),
  maxDataBytes: limit(
    512 * mebibyte,
    'bytes',
    'under T2 the kernel refuses more at once, between two looks of the watch',
  ),
  recycleRssBytes: limit(150 * mebibyte, 'bytes', 'an idle child above this has grown and starts afresh'),
  maxConnections: limit(32, 'connections', 'open or opening per child; more wait'),
  maxWaitingConnections: limit(256, 'connections', 'per child, waiting for another to end; more fail with EMFILE'),
  egressWindowMs: limit(
    60 * 60_000,
    'ms',
    'the window in which the connections and bytes of a plugin are counted, on all servers together',
  ),
  egressShareMs: limit(2_000, 'ms', 'how far a server may be behind in what the others counted'),
  maxEgressBytes: limit(4 * 1024 * mebibyte, 'bytes', 'both ways, per plugin and window; a full sync takes megabytes'),
  maxEgressConnections: limit(20_000, 'connections', 'per plugin and window; five a second, all the time'),
  maxFrameBytes: limit(
    8 * mebibyte,
    'bytes',
    'of one frame of a child: a larger one ends it at the header, before a byte of it is kept',
  ),
  maxRunnerMessageBytes: limit(
    8 * mebibyte - 64,
    'bytes',
    'of JSON text from a child, such as an answer: parsing 8 MB blocks the host for about 60 ms, which is as much as neighbours should feel',
  ),
  maxRunnerMessageParts: limit(
    250_000,
    'parts',
    'of one JSON text from a child, counted before it is parsed: each list, object and different short text is one, each different key five, a number as a key one each time. The worst of it blocks the host for about 150 ms, where 8 MB of different keys would take over a second; 100,000 rows fit',
  ),
  maxHostMessageBytes: limit(64 * mebibyte, 'bytes', 'of JSON text to a child: an import of 100,000 rows fits'),
  maxAttachmentBytes: limit(64 * mebibyte, 'bytes', 'of files beside one message, either way; they wait in memory'),
  maxWholeFileBytes: limit(
    20_000_000,
    'bytes',
    'of a file that a handler finds whole in `file.buffer`; a larger one it reads in pieces',
  ),
  maxLinesPerSecond: limit(
    500,
    'lines',
    'of the log, in one process; the child cuts more, counts them, and costs the host nothing for them',
  ),
  maxChatterPerSecond: limit(
    5_000,
    'lines',
    'log and progress messages: a child that does not cut is ended; keep it above twice maxLinesPerSecond',
  ),
  messageMsPerSecond: limit(
    250,
    'ms',
    'of the host in a second for the messages of one child, spent at once or bit by bit; beyond it the host rests before it reads on, so that the others get their turns',
  ),
  allMessageMsPerSecond: limit(
    500,
    'ms',
    'of the host in a second for the messages of all children; beyond it those rest that took most of it lately, and the others go on',
  ),
  niceness: limit(5, 'nice', 'the host and its database answer first: they get three times the share of a runner'),
  computingNiceness: limit(
    15,
    'nice',
    'while its calls keep a processor busy: what needs one for a moment gets it at once. Linux only, where the niceness can be taken back',
  ),
  computingMs: limit(50, 'ms', 'that a call may take of a processor without becoming nicer'),
} as const

export type RuntimeLimits = LimitsOf<typeof runtimeLimitTable>

/** The limits in force: the table, with the operator's overrides. */
export function resolveLimits(overrides: Partial<RuntimeLimits> = {}): RuntimeLimits {
  return limitsOf(runtimeLimitTable, overrides)
}

/** What a runner is told of them. */
export function runnerLimits(limits: RuntimeLimits): RunnerLimits {
  const { maxFrameBytes, maxRunnerMessageBytes, maxRunnerMessageParts, maxHostMessageBytes, maxAttachmentBytes } =
    limits
  const { maxLinesPerSecond, maxWholeFileBytes } = limits
  return {
    maxFrameBytes,
    maxRunnerMessageBytes,
    maxRunnerMessageParts,
    maxHostMessageBytes,
    maxAttachmentBytes,
    maxLinesPerSecond,
    maxWholeFileBytes,
  }
}
