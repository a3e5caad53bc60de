import { openReplica } from './host-in-test.js'

/**
 * A host in a process of its own, for tests that kill it. Takes its surroundings as JSON, says where it listens in its
 * first line, and then writes its log.
 */
const surroundings = JSON.parse(process.argv[2] ?? '{}') as Parameters<typeof openReplica>[0]
const { url, log } = await openReplica(surroundings)
process.stdout.write(`${JSON.stringify({ url })}\n`)
setInterval(() => process.stdout.write(log.splice(0).join('')), 20)
