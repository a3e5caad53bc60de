import type { Tier } from './launch.js'
import { createRuntime } from './runtime.js'
import type { SelfTest } from './self-test.js'

/**
 * Attacks a blank runner on this machine and says what came of it. Needs no database, and touches no running server.
 *
 * @param options.maxTier The strongest tier that is tried. Default: the strongest that there is.
 */
export async function testSandbox(options: { maxTier?: Tier } = {}): Promise<SelfTest> {
  const silent = { info: () => undefined, warn: () => undefined }
  const runtime = createRuntime({ ...options, log: silent, limits: { warmRunners: 1 } })
  try {
    return await runtime.selfTest()
  } finally {
    await runtime.stop({ drainMs: 0 })
  }
}
