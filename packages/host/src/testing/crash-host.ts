import { parseHostMap } from '../egress/index.js'
import { openReplica } from './host-in-test.js'

/**
 * A host in a process of its own, for tests that kill it. Takes its surroundings as JSON, says where it listens in its
 * first line, and then writes its log.
 */
const { options, hostMap, ...surroundings } = JSON.parse(process.argv[2] ?? '{}') as Parameters<
  typeof openReplica
>[0] & {
  options?: Parameters<typeof openReplica>[1]
  /** As a setting; the option is no JSON. */
  hostMap?: string
}
const { url, log } = await openReplica(surroundings, {
  ...options,
  ...(hostMap === undefined ? {} : { egress: { hostMap: parseHostMap(hostMap) } }),
})
process.stdout.write(`${JSON.stringify({ url })}\n`)
setInterval(() => process.stdout.write(log.splice(0).join('')), 20)
