import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { lowerPriority, openSession } from './process-priority.js'

let children: ChildProcess[] = []
afterEach(() => {
  children.forEach((child) => child.kill('SIGKILL'))
  children = []
})

const nicenessOf = (leader: number) =>
  Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${leader}/autogroup`, 'utf8'))?.[1])

function startLeader(): number {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  children.push(child)
  return child.pid as number
}

describe.runIf(existsSync('/proc/self/autogroup'))('the niceness of a session', () => {
  it('is what was asked for last, and nothing after it was closed', async () => {
    const leader = startLeader()
    const session = openSession(leader)
    await Promise.all([9, 12, 5].map((niceness) => session.setNiceness(niceness)))
    expect(nicenessOf(leader)).toBe(5)
    session.close()
    await session.setNiceness(12)
    expect(nicenessOf(leader)).toBe(5)
  })

  it('is at first that of who starts the process, which undoes nothing of who watches it', async () => {
    const untouched = startLeader()
    lowerPriority(untouched, 5)
    await expect.poll(() => nicenessOf(untouched)).toBe(5)
    const watched = startLeader()
    const session = openSession(watched)
    await session.setNiceness(15)
    lowerPriority(watched, 5)
    await setTimeout(200)
    expect(nicenessOf(watched)).toBe(15)
    session.close()
  })
})

it('is nothing that can be changed where there is no such session', async () => {
  const session = openSession(2 ** 30)
  await session.setNiceness(5)
  session.close()
})
