import { createRuntime } from './runtime.js'
import type { SelfTest } from './self-test.js'

/** Attacks a blank runner on this machine and says what came of it. Needs no database, and touches no running server. */
export async function testSandbox(): Promise<SelfTest> {
  const silent = { info: () => undefined, warn: () => undefined }
  const runtime = createRuntime({ log: silent, limits: { warmRunners: 1 } })
  try {
    return await runtime.selfTest()
  } finally {
    await runtime.stop({ drainMs: 0 })
  }
}
