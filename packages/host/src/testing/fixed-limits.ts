import { manifestLimits, maxRequestTextLength } from '@tenon/contract'
import { frameLimits } from '@tenon/contract/frame'
import { maxSettledBytes, socketChunkBytes, socketWindowBytes, wireConstants } from '@tenon/contract/wire'
import { maxPartBytes } from '../artifacts/archive.js'
import { dependencyLimits } from '../artifacts/dependency-specs.js'
import { maxRequests } from '../artifacts/source-stage.js'
import { tokenLimits } from '../connections/token-exchange.js'
import { maxPayloadBytes, maxWaitingEvents } from '../events/waiting-events.js'
import { liveLimits } from '../installations/live-stream.js'
import { maxOpenRequests } from '../installations/request-store.js'
import { maxRedirects } from '../marketplace-files.js'
import { maxHeaderCharacters } from '../runtime/message-schemas.js'
import { configurationLimits } from '../secrets/configuration-limits.js'
import { patience } from '../secrets/slow-schemas.js'
import { maxColumns } from '../tenancy/copy-rows.js'
import { maxTreeLevels } from '../tenancy/parse-tree.js'
import { maxBoundValues } from '../tenancy/session.js'
import { maxBlockBytes } from '../tenancy/statement-guard.js'
import { maxWebhooks } from '../webhooks/webhook-store.js'
import { inFile, type LimitTests } from './limit-tests.js'

/** A bound that no operator can set. */
export interface FixedLimit {
  what: string
  most: number
  unit: string
  reason: string
  /** What shows that it holds: what comes up to it passes, what goes over it does not. */
  tests: LimitTests
}

const fixed = (what: string, most: number, unit: string, reason: string, tests: LimitTests): FixedLimit => ({
  what,
  most,
  unit,
  reason,
  tests,
})

const ofWire = inFile('../../contract/src/wire/fixed-limits.test.ts')
const ofManifest = inFile('../../contract/src/catalog.test.ts')
const ofFrame = inFile('../../react/src/frame/frameBridge.test.ts')
const ofProcess = inFile('runtime/fixed-limits.test.ts')
const ofVault = inFile('secrets/configuration-vault.test.ts')
const ofConfiguration = ofVault('has up to 10,000 values, 256 kB and 64 levels')
const ofSecrets = ofVault(
  'is told so by who sends a configuration: each secret is sealed alone, and opened for each call',
)
const ofChecks = inFile('secrets/schema-threads.test.ts')
const ofStatements = inFile('tenancy/statement-guard.test.ts')
const ofDatabase = inFile('tenancy/fixed-limits.test.ts')
const ofCode = inFile('artifacts/fixed-limits.test.ts')
const part = ofCode('has a %s of %i bytes at most')

const processes: readonly FixedLimit[] = [
  fixed(
    'A piece of what travels between host and child',
    wireConstants.chunkBytes,
    'bytes',
    'other messages pass in between',
    ofWire('a file travels in pieces of 1,048,576 bytes, so that others pass in between'),
  ),
  fixed(
    'Pieces that wait for their message',
    wireConstants.maxWaitingPieces,
    'pieces',
    'each costs memory, also an empty one',
    ofWire('a value of 10,000 pieces is sent, and one of more is refused by its sender'),
  ),
  fixed(
    'A value that travels',
    wireConstants.maxDepth,
    'levels',
    'also what ends the walk over a circular one',
    ofWire('a value that travels has 100 levels at most'),
  ),
  fixed(
    'Bytes in a value from a child that becomes JSON',
    wireConstants.maxBytesInJson,
    'bytes',
    'JSON says them one by one, which takes everybody’s time and memory: files travel beside it',
    ofWire(
      'a value from a child has 262,144 bytes at most where JSON is made of it, and as many as there may be elsewhere',
    ),
  ),
  fixed(
    'A body in JSON',
    wireConstants.maxBodyParts,
    'parts',
    'lists, objects and short texts count 1, names 5; reading more takes everybody’s time',
    ofWire('a body in JSON has 100 levels and 500,000 parts at most'),
  ),
  fixed(
    'Routes of a plugin, and functions, handlers of events, connections and jobs likewise',
    wireConstants.maxNames,
    'of each',
    'the host keeps their names',
    ofProcess('has 500 %s at most'),
  ),
  fixed(
    'The name of one of them',
    wireConstants.maxNameCharacters,
    'characters',
    'it is told to people',
    ofProcess('names what it has with 200 characters at most'),
  ),
  fixed(
    'What a plugin says of itself (`metadata`)',
    wireConstants.maxMetadataCharacters,
    'characters',
    'it is kept with the installation, and told with each list of them',
    ofProcess('says 64,000 characters of itself at most', 'that says more of itself, and whose child says so, ends it'),
  ),
  fixed(
    'A line of the log from a child',
    wireConstants.maxLineCharacters,
    'characters',
    'the child cuts it; one that does not is ended',
    ofProcess('has 8,000 characters at most: the child cuts it', 'that its child did not cut ends it'),
  ),
  fixed(
    'The name or the type of a file that a route answers',
    maxHeaderCharacters,
    'characters',
    'it travels in a header',
    ofProcess('names its file, and what is in it, with 255 characters at most'),
  ),
  fixed(
    'Bytes under way from a child in a connection',
    socketWindowBytes,
    'bytes',
    'the host holds no more for a side that does not read',
    ofProcess('has 262,144 bytes of the child under way at most'),
  ),
  fixed(
    'Bytes under way to a child in a connection',
    socketWindowBytes,
    'bytes',
    'the same in the other direction',
    ofProcess('is not read any more when 262,144 bytes of the other side are under way to the child'),
  ),
  fixed(
    'A piece of what a connection carries',
    socketChunkBytes,
    'bytes',
    'connections share one pipe',
    ofProcess('carries pieces of 65,536 bytes at most', 'takes no larger pieces of the child either'),
  ),
]

const statements: readonly FixedLimit[] = [
  fixed(
    'A statement of SQL',
    maxTreeLevels,
    'levels',
    'about 1,000 operators or 280 queries in one another; judging more takes everybody’s time. Lists, `AND` and `OR` are one level',
    ofStatements('a statement has 2,000 levels, of operators about half as many, however long its text is'),
  ),
  fixed(
    'A `DO` block',
    maxBlockBytes,
    'bytes',
    'longer than any that creates something once',
    ofStatements('a DO block has 16,384 bytes at most'),
  ),
  fixed(
    'Values of `bind` in a statement',
    maxBoundValues,
    'values',
    'as Postgres has it',
    ofDatabase('a statement takes 65,535 values at most'),
  ),
  fixed(
    'Columns of rows that are added at once',
    maxColumns,
    'columns',
    'as Postgres has it',
    ofDatabase('rows that are added at once have 1,600 columns at most'),
  ),
]

const configurations: readonly FixedLimit[] = [
  ...(
    [
      ['bytes', 'bytes'],
      ['values', 'values'],
      ['depth', 'levels'],
    ] as const
  ).map(([limit, unit]) =>
    fixed(
      'A configuration',
      configurationLimits[limit],
      unit,
      'it is checked by a schema that a stranger wrote',
      ofConfiguration,
    ),
  ),
  fixed(
    'What a schema calls secret in a configuration',
    configurationLimits.secrets,
    'values',
    'each is sealed alone, and opened for each call',
    ofSecrets,
  ),
  fixed('The path of one of them', configurationLimits.secretPath, 'characters', 'it is sealed with it', ofSecrets),
  fixed(
    'Checking a configuration, or looking for its secrets',
    configurationLimits.milliseconds,
    'ms',
    'a stranger’s schema says what is to be done; a thread does it',
    ofChecks('accepts what the schema accepts', 'of time is refused, and the host serves others meanwhile'),
  ),
  fixed(
    'The memory of such a thread',
    configurationLimits.threadMb,
    'MB',
    'the same',
    ofChecks('accepts what the schema accepts', 'of memory is refused'),
  ),
  fixed(
    'Slow checks by one schema in a minute',
    patience.milliseconds,
    'ms',
    'they take a processor, and others with slow schemas wait',
    ofChecks(
      'holds up neither other organizations nor other schemas',
      'is not tried any more when it has had its seconds',
    ),
  ),
]

const manifests: readonly FixedLimit[] = [
  fixed(
    'Categories of a manifest',
    manifestLimits.categories,
    'categories',
    'each of them is shown; what comes after is left out, and told',
    ofManifest('200 categories'),
  ),
  fixed(
    'An entry of a manifest',
    manifestLimits.entryValues,
    'values',
    'it is read without a pause, while everybody waits',
    ofManifest('50,000 values of an entry'),
  ),
  fixed(
    'An entry of a manifest',
    manifestLimits.entryLevels,
    'levels',
    'as above; one that is larger or deeper is left out, and told',
    ofManifest('64 levels of an entry'),
  ),
  fixed(
    'A text in an entry of a manifest',
    manifestLimits.textCharacters,
    'characters',
    'as above',
    ofManifest('100,000 characters of a text'),
  ),
  fixed(
    'A JSON Schema in a manifest',
    manifestLimits.schemaCharacters,
    'characters',
    'the host compiles it, in a thread',
    ofManifest('100,000 characters of a JSON Schema'),
  ),
  fixed(
    'A JSON Schema in a manifest',
    manifestLimits.schemaLevels,
    'levels',
    'as above',
    ofManifest('32 levels of a JSON Schema'),
  ),
  fixed(
    'What is wrong with a manifest',
    manifestLimits.problems,
    'problems',
    'of what comes after is only said that it is there',
    ofManifest('1,000 problems'),
  ),
  fixed(
    'Redirects of a marketplace',
    maxRedirects,
    'redirects',
    'as browsers, only fewer',
    inFile('catalog/catalog.test.ts')('follows 5 redirects at most'),
  ),
]

const packages: readonly FixedLimit[] = [
  fixed('The manifest in a package', maxPartBytes.manifest, 'bytes', 'it is parsed', part),
  fixed('The README in a package', maxPartBytes.readme, 'bytes', 'a page shows it', part),
  fixed('The changelog in a package', maxPartBytes.changelog, 'bytes', 'a page shows it', part),
  fixed('The icon in a package', maxPartBytes.icon, 'bytes', 'pages show many', part),
  fixed('The UI in a package', maxPartBytes.ui, 'bytes', 'a browser loads it', part),
  fixed('The style of the UI in a package', maxPartBytes.uiStyle, 'bytes', 'a browser loads it', part),
  fixed(
    'The package.json of a source-only plugin',
    dependencyLimits.packageJsonCharacters,
    'characters',
    'it is parsed',
    ofCode('has a package.json of 500,000 characters at most'),
  ),
  fixed(
    'The versions of a package that it asks for',
    dependencyLimits.rangeCharacters,
    'characters',
    'npm reads them',
    ofCode('asks for versions of a package with 200 characters at most'),
  ),
  fixed(
    'What the imports of a source-only plugin may mean',
    maxRequests,
    'requests',
    'a marketplace answers each of them',
    ofCode('is looked for in 300 requests at most'),
  ),
]

const organizations: readonly FixedLimit[] = [
  fixed(
    'Events of an organization that wait',
    maxWaitingEvents,
    'events',
    'the database counts them when a plugin publishes',
    inFile('events/waiting-events.test.ts')(
      'an organization may have so many events waiting, and not one more; others go on',
    ),
  ),
  fixed(
    'The payload of an event',
    maxPayloadBytes,
    'bytes',
    'it is kept until everybody has been told',
    inFile('tenancy/wall.test.ts')('publishes events that it declared, as itself, of 64 kB at most'),
  ),
  fixed(
    'What an event handler says is settled',
    maxSettledBytes,
    'bytes',
    'it is kept in the row of the delivery',
    inFile('settled-deliveries.test.ts')('of what a handler says is settled, %i characters are kept: %s'),
  ),
  fixed(
    'Webhooks of an organization',
    maxWebhooks,
    'webhooks',
    'each gets every event that it asks for',
    inFile('webhooks.test.ts')('is for admins of its organization, at most 20 of them, at public addresses'),
  ),
  fixed(
    'Open requests of a person for plugins',
    maxOpenRequests,
    'requests',
    'somebody has to read them',
    inFile('requests.test.ts')('is more than 20 plugins at a time'),
  ),
  fixed(
    'The note of such a request',
    maxRequestTextLength,
    'characters',
    'somebody has to read it',
    inFile('requests.test.ts')('is anything with a note of more than 500 characters, or fields that are not known'),
  ),
  fixed(
    'Live streams of an organization on one server',
    liveLimits.perOrganization,
    'streams',
    'each is a connection, and a question to the database at each change',
    inFile('runs.test.ts')('is one of 50 of an organization at most'),
  ),
  fixed(
    'The answer of an OAuth service',
    tokenLimits.maxBodyBytes,
    'bytes',
    'it has some hundred',
    inFile('connections/oauth.test.ts')('reads an answer of up to 64 kB'),
  ),
]

const frames: readonly FixedLimit[] = [
  fixed(
    'A message of a frame to its page',
    frameLimits.maxMessageLength,
    'characters',
    'nobody types or shows more',
    inFile('../../contract/src/frame/frame.test.ts')('may be as long as the limit says, and no longer'),
  ),
  fixed(
    'An answer that is handed into a frame',
    frameLimits.maxAnswerLength,
    'characters',
    'a page can still draw it',
    ofFrame('is handed answers of 2,000,000 characters at most'),
  ),
  fixed(
    'Messages of a frame at once',
    frameLimits.burstMessages,
    'messages',
    'then the page listens no longer',
    ofFrame('may send 200 messages at once, and 100 in each second after that'),
  ),
  fixed(
    'Messages of a frame in a second',
    frameLimits.messagesPerSecond,
    'messages',
    'an animation of the height makes sixty',
    ofFrame('may send 200 messages at once, and 100 in each second after that'),
  ),
  fixed(
    'Calls of a frame under way',
    frameLimits.concurrentCalls,
    'calls',
    'as many as the host works on for one plugin by default',
    ofFrame('has 8 calls under way at most'),
  ),
]

export const fixedLimits: readonly FixedLimit[] = [
  ...processes,
  ...statements,
  ...configurations,
  ...manifests,
  ...packages,
  ...organizations,
  ...frames,
]
