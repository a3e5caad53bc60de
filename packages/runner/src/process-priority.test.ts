import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { openSession } from './process-priority.js'

let child: ChildProcess | undefined
afterEach(() => child?.kill('SIGKILL'))

function startLeader(): number {
  child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  return child.pid as number
}

describe.runIf(existsSync('/proc/self/autogroup'))('the niceness of a session', () => {
  it('is what was asked for last, and nothing after it was closed', async () => {
    const leader = startLeader()
    const nicenessNow = () => Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${leader}/autogroup`, 'utf8'))?.[1])
    const session = openSession(leader)
    await Promise.all([9, 12, 5].map((niceness) => session.setNiceness(niceness)))
    expect(nicenessNow()).toBe(5)
    session.close()
    await session.setNiceness(12)
    expect(nicenessNow()).toBe(5)
  })
})

it('is nothing that can be changed where there is no such session', async () => {
  const session = openSession(2 ** 30)
  await session.setNiceness(5)
  session.close()
})
