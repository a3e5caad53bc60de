import type { artifactLimitTable } from '../artifacts/artifact-limits.js'
import type { catalogLimitTable } from '../catalog/catalog-limits.js'
import type { eventLimitTable } from '../events/event-limits.js'
import type { requestLimitTable } from '../http/request-limits.js'
import type { jobLimitTable } from '../jobs/job-limits.js'
import type { LimitTable } from '../limit-table.js'
import type { recordLimitTable } from '../records/record-limits.js'
import type { runtimeLimitTable } from '../runtime/limits.js'
import type { tenancyLimitTable } from '../tenancy/limits.js'
import type { uploadLimitTable } from '../uploads/upload-limits.js'

/** A test, by its file under `packages/host/src` and its title. */
export interface NamedTest {
  file: string
  title: string
}

/** What shows that a limit holds: what stays just under it passes, what goes just over it does not. Often one test. */
export interface LimitTests {
  passes: NamedTest
  fails: NamedTest
}

/** The compiler asks for the tests of each limit that a table has; `limits.test.ts` looks whether they are there. */
export type TestsOf<Table extends LimitTable> = Readonly<Record<keyof Table, LimitTests>>

export const inFile =
  (file: string) =>
  (passes: string, fails = passes): LimitTests => ({ passes: { file, title: passes }, fails: { file, title: fails } })

const ofRuntime = inFile('runtime/limits.test.ts')
const ofCalls = inFile('runtime/runtime.test.ts')
const ofSockets = inFile('runtime/network.test.ts')
const ofEgress = inFile('runtime/egress-limits.test.ts')
const deadline = ofRuntime('%s leaves time for what is faster and ends what is slower')
const backoff = ofRuntime('let the next start wait, twice as long with each: backoffMs is %d')

export const runtimeLimitTests: TestsOf<typeof runtimeLimitTable> = {
  validateConfigMs: deadline,
  testConnectionMs: deadline,
  lifecycleMs: deadline,
  uninstallMs: deadline,
  routeMs: deadline,
  eventMs: deadline,
  functionMs: deadline,
  jobMs: deadline,
  graceMs: ofRuntime('a call still has graceMs to come to an end by itself'),
  pingMs: ofRuntime('a process that answers within pingMs lives on, and is ended otherwise'),
  startMs: ofRuntime('may take as long as startMs and not longer'),
  loadMs: ofRuntime('gives top-level code loadMs'),
  queueWaitMs: ofRuntime('wait queueWaitMs and not longer'),
  idleStopMs: ofCalls('an idle process is ended after idleStopMs, a used one is not'),
  idlePingMs: ofRuntime('may be busy for a moment; one that answers no two idlePingMs long is ended'),
  socketLingerMs: ofSockets(
    'keep what is open for socketLingerMs after a call, for the next one',
    'cut what is open when no call is in flight any more',
  ),
  connectMs: ofSockets('wait connectMs for a free one'),
  memoryPollMs: ofRuntime('is looked at every memoryPollMs: what is over between two looks is not seen'),
  crashWindowMs: ofRuntime('that are further apart do not', 'count within the window'),
  crashPauseMs: ofCalls('ends its pause by itself after crashPauseMs, a day'),
  maxCrashes: ofRuntime('count within the window'),
  backoffMs: backoff,
  restartGapMs: ofRuntime(
    'let those start meanwhile whose processes came to no bad end',
    'have restartGapMs between them, here %d, and none before the first',
  ),
  maxCallsPerPlugin: ofRuntime('are at most maxCallsPerPlugin at once, here %d; others wait for their turn'),
  maxQueuedPerPlugin: ofRuntime('wait maxQueuedPerPlugin at a time; one more is refused'),
  maxHostCalls: inFile('runtime/hostile.test.ts')(
    'with requests to the host (%o) has %d at work at once, and gets all of its answers',
  ),
  maxHostCallBytes: ofRuntime('are worked on up to maxHostCallBytes at once (%o), here %d, and the others come later'),
  maxUnreadBytes: ofRuntime(
    'wait where it has not read half of maxUnreadBytes, and go on when it reads',
    'end it where more than maxUnreadBytes of their answers are not read',
  ),
  maxResidents: ofCalls(
    'beyond the cap of processes the least recently used idle one makes room, else tenants wait in turns',
  ),
  warmRunners: ofRuntime('keeps warmRunners ready, %d of them'),
  maxRssBytes: ofCalls("up to the limit is the plugin's own, above it the process is killed"),
  maxDataBytes: inFile('runtime/tiers.test.ts')(
    'gives room for as much memory as the limit says, and refuses more at once',
  ),
  recycleRssBytes: ofCalls('a process that has grown is replaced once it is idle, and no other'),
  maxConnections: ofSockets('count connections: the one beyond the maximum waits, and fails when none comes free'),
  maxWaitingConnections: ofRuntime('wait for one another up to the limit; more fail'),
  egressWindowMs: ofEgress('are counted anew in the next window'),
  egressShareMs: ofEgress(
    'are told to the other servers within egressShareMs',
    'are not told to the other servers before egressShareMs is over',
  ),
  maxEgressBytes: ofEgress(
    'are counted in both directions, and may come up to the limit',
    'beyond it end the connection, and no other is opened',
  ),
  maxEgressConnections: ofEgress(
    'are counted, and as many as the limit may be opened in a window',
    'are refused beyond it, and the refusals are counted',
  ),
  maxFrameBytes: ofRuntime('comes in frames of maxFrameBytes at most, of which larger values take several'),
  maxRunnerMessageBytes: ofRuntime('has at most maxRunnerMessageBytes of text when it comes from a child'),
  maxRunnerMessageParts: ofRuntime('is made of at most maxRunnerMessageParts when it comes from a child'),
  maxHostMessageBytes: ofRuntime(
    'has at most maxHostMessageBytes of text when it goes to a child, whose other calls go on',
  ),
  maxAttachmentBytes: ofRuntime('has at most maxAttachmentBytes beside it, either way'),
  maxWholeFileBytes: ofRuntime('is a whole file where that has at most maxWholeFileBytes'),
  maxLinesPerSecond: ofRuntime('are passed on up to maxLinesPerSecond, and the others counted'),
  maxChatterPerSecond: ofRuntime('may be as many in a second as the limit says'),
  messageMsPerSecond: ofRuntime(
    'may take messageMsPerSecond of the host at once, of which nobody notices anything',
    'beyond messageMsPerSecond are read more slowly, and leave their process alive',
  ),
  allMessageMsPerSecond: ofRuntime(
    'may together take allMessageMsPerSecond of the host at once',
    'beyond allMessageMsPerSecond wait for each other, and nobody waits for them',
  ),
  niceness: ofRuntime('makes a child as nice as a niceness of %d says'),
  computingNiceness: ofRuntime('is as nice as a computingNiceness of %d says, until it rests'),
  computingMs: ofRuntime('is not nicer before it has taken computingMs of a processor, however long it waits'),
}

const ofTenancy = inFile('tenancy/limits.test.ts')
const ofSessions = inFile('tenancy/session.test.ts')
const statement = ofTenancy('%s leaves time for what is faster and ends what is slower')

export const tenancyLimitTests: TestsOf<typeof tenancyLimitTable> = {
  maxConnections: ofTenancy('of all plugins on one server are at most maxConnections, here %d'),
  maxConnectionsPerRole: ofTenancy('of one plugin on one server are at most maxConnectionsPerRole, here %d'),
  connectionLimitPerRole: ofTenancy('of one plugin on all servers are at most connectionLimitPerRole, here %d'),
  connectionWaitMs: ofTenancy('a connection is waited for as long as connectionWaitMs'),
  idleConnectionMs: ofTenancy('an idle connection is closed after idleConnectionMs'),
  statementTimeoutMs: statement,
  killGraceMs: statement,
  lockTimeoutMs: statement,
  lockPatienceMs: inFile('tenancy/lock-watch.test.ts')(
    'is left to it for longer where the operator says so',
    'is taken from it when others wait: %s',
  ),
  maxLocks: inFile('tenancy/lock-watch.test.ts')(
    'is ended, before nobody else finds room for one',
    'is left alone with fewer',
  ),
  maxRelations: ofTenancy('of one plugin are at most maxRelations, and it can drop some of them'),
  transactionTimeoutMs: ofSessions('a transaction ends after its time, just before it does not'),
  jobTransactionTimeoutMs: ofSessions('a transaction of a job may take longer'),
  maxResultBytes: ofSessions('bytes: just under passes, just over does not, and the server stops sending'),
  maxResultRows: ofSessions('rows: as many as the limit pass, one more does not'),
  maxSqlLength: ofTenancy('a text of SQL has at most maxSqlLength characters'),
  parseMs: ofTenancy('a long text of SQL is read for parseMs and not longer, and the next one as ever'),
  maxTreeCharacters: ofTenancy('what the parser makes of a text of SQL has at most maxTreeCharacters'),
  maxCopyBytes: ofTenancy('rows that are added at once have at most maxCopyBytes'),
  tempFileLimitMb: ofTenancy('on disk a statement has tempFileLimitMb'),
  workMemMb: ofTenancy('in memory a sort has workMemMb, and goes to disk with more'),
}

const ofJobs = inFile('jobs/limits.test.ts')
const retries = inFile('run-failures.test.ts')(
  'is tried again after 10, 40, 160 and 640 seconds, and then no more',
  'is tried as often, and after such times, as an operator says; the longest one goes on',
)
const atWork = ofJobs('are as many as %s says, and not one more')

export const jobLimitTests: TestsOf<typeof jobLimitTable> = {
  workers: atWork,
  runningPerOrganization: atWork,
  queuedPerOrganization: ofJobs('are at most queuedPerOrganization, here %d'),
  maxRestarts: ofJobs('are begun again maxRestarts times, here %d'),
  maxAttempts: inFile('runs.test.ts')('that passes is tried maxAttempts times, where the operator says how often'),
  retryMs: retries,
  maxRetryMs: retries,
  waitMs: inFile('runs.test.ts')(
    'answers as its route does, and leaves a run with what it counted',
    'goes on as a run when it takes longer than a request may',
  ),
  pollMs: ofJobs('are found after pollMs when their time has come, of which nobody is told'),
  progressMs: ofJobs('write their progress after progressMs'),
  stopMs: ofJobs('have stopMs to come to an end when the server stops; then they are put back'),
  keptDays: ofJobs('runs that have ended are kept for keptDays'),
  leastScheduleMs: ofJobs('leaves leastScheduleMs between two runs'),
  putOffMs: ofJobs('that cannot be begun is put off by putOffMs, here %d, and holds up no other'),
  failuresToTell: inFile('schedules.test.ts')('is told after as many failures as failuresToTell says'),
}

const ofEvents = inFile('events/event-dispatcher.test.ts')
const repeated = ofEvents('is tried again, %o: after %o seconds')
const keptEvents = ofEvents('is forgotten after %i days, after %i when it failed, and never while it waits')

export const eventLimitTests: TestsOf<typeof eventLimitTable> = {
  plugins: ofEvents('of which there are many, %o: %i at the same moment, and all in the end'),
  pluginsPerOrganization: ofEvents('of which an organization has many leaves room for other organizations: %o, %i'),
  eventsPerPlugin: ofEvents('holds up neither the events of others nor other plugins of its organization: %o, %i'),
  maxAttempts: repeated,
  retryMs: repeated,
  maxRetryMs: repeated,
  maxPutOffMs: ofEvents(
    'is put off for maxPutOffMs at most, here %i, and is not given up before the event is that old',
  ),
  longestDeliveryMs: ofEvents(
    'that stops lets a delivery finish',
    'is cut off before another server may try the same event',
  ),
  cutOffMs: ofEvents('may say until cutOffMs are over what it came to'),
  claimMarginMs: ofEvents('goes to another server when the claim of one that is gone has ended, and not before'),
  stopMs: ofEvents(
    'that stops lets a delivery finish',
    'does not keep the server from stopping, when it %s, and keeps its attempt',
  ),
  pollMs: ofEvents('of which nothing was heard is found after pollMs'),
  keptDays: keptEvents,
  keptFailedDays: keptEvents,
}

const ofRequests = inFile('http/request-limits.test.ts')

export const requestLimitTests: TestsOf<typeof requestLimitTable> = {
  maxBodyBytes: ofRequests('a body of JSON has at most maxBodyBytes: %s, %i'),
  maxFormFields: ofRequests('a form has at most maxFormFields: %s, %i'),
  maxFormFieldBytes: ofRequests('a field of a form has at most maxFormFieldBytes, and is never cut: %s, %i'),
  streamRecheckMs: inFile('http/stream-readers.test.ts')('is asked of again every streamRecheckMs, and not before'),
}

const ofUploads = inFile('uploads/uploads.test.ts')

export const uploadLimitTests: TestsOf<typeof uploadLimitTable> = {
  maxFileBytes: inFile('uploads.test.ts')('an operator may allow less'),
  pieceBytes: ofUploads('%o: a file of that size is one piece, a larger one is two'),
  maxHeldBytes: ofUploads('can be set; of many requests at once exactly as many get room as there is'),
  keptMs: ofUploads('keeps a file for a day, and not longer', 'can be set'),
  maxPauseMs: ofUploads('%o removes a file whose sender pauses for longer, and no other'),
  sweepMs: ofUploads('sweepMs says how often is looked; a look that fails is told and not the last one'),
}

const ofRecords = inFile('records/records.test.ts')

export const recordLimitTests: TestsOf<typeof recordLimitTable> = {
  keptLines: ofRecords('keeps the newest lines'),
  keptDays: ofRecords('keeps no line for longer than keptDays, a week by itself: %o'),
  maxLineCharacters: ofRecords('takes lines that no database could keep as they are'),
  maxWaitingLines: ofRecords('leaves out what comes faster than it can be kept, and says how much that was'),
  maxWaitingCharacters: ofRecords('keeps only so much in memory for all plugins together'),
  writeEveryMs: ofRecords('is written every writeEveryMs'),
  tailEveryMs: ofRecords('looks every tailEveryMs for lines of other replicas'),
  maxTailsPerOrganization: ofRecords('is limited in number, and in time'),
  longestTailMs: ofRecords('ends after longestTailMs, and not before'),
  keptProcessEnds: ofRecords('keep the last ends of its processes'),
  maxCountedPermissions: ofRecords(
    'count what it used of what it may, and what it was refused, for a bounded number of things',
  ),
}

const ofArtifacts = inFile('artifacts/limits.test.ts')
const building = ofArtifacts(
  'is enough for what is faster than fileTimeoutMs, bundleTimeoutMs and buildTimeoutMs, and over for what is slower',
)
const installing = ofArtifacts(
  'of everything that npm installed is at most maxInstalledBytes, and npm ends in npmTimeoutMs',
)

export const artifactLimitTests: TestsOf<typeof artifactLimitTable> = {
  maxPackedBytes: ofArtifacts('of a package as it is downloaded is at most maxPackedBytes'),
  maxUnpackedBytes: ofArtifacts('of a package when it is unpacked is at most maxUnpackedBytes'),
  fileTimeoutMs: building,
  downloadTimeoutMs: ofArtifacts(
    'is enough for a download that is faster than downloadTimeoutMs, and over for a slower one',
  ),
  maxSourceFiles: ofArtifacts('of files of a source-only plugin is at most maxSourceFiles'),
  maxSourceFileBytes: ofArtifacts('of one source file is at most maxSourceFileBytes'),
  npmTimeoutMs: installing,
  maxInstalledBytes: installing,
  bundleTimeoutMs: building,
  buildTimeoutMs: building,
  concurrentBuilds: ofArtifacts('of builds at the same time is at most concurrentBuilds'),
  sourceFreshMs: inFile('artifacts/source.test.ts')(
    'counts for five days on every replica, then the source is asked again (C12)',
    'can count for as long as the operator says',
  ),
  maxIconBytes: inFile('artifacts/packed.test.ts')('is none when it is not an image, or larger than the limit'),
  memoryCacheSize: ofArtifacts('of characters that are kept ready in memory is at most memoryCacheSize'),
}

const ofCatalog = inFile('catalog/catalog.test.ts')

export const catalogLimitTests: TestsOf<typeof catalogLimitTable> = {
  refreshIntervalMs: ofCatalog(
    'does not look before the interval has passed',
    'looks by itself after the interval, and no more once stopped',
  ),
  maxBytes: ofCatalog('takes a manifest just under the limit, refuses one just over, and the limit can be set'),
  maxPlugins: ofCatalog('offers as many plugins as maxPlugins says, and tells that it left out what comes after: %o'),
  timeoutMs: ofCatalog('waits timeoutMs for an answer, and not longer'),
}
