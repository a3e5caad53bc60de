import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import type { RunnerProcess } from './runner-process.js'
import { createWarmPool } from './warm-pool.js'

/** Starts runners that are ready when the test says so. */
function starter() {
  const ready: (() => void)[] = []
  let started = 0
  return {
    ready,
    get started() {
      return started
    },
    start: async () => {
      started++
      const runner = { ready: new Promise<void>((resolve) => ready.push(resolve)), ended: new Promise(() => undefined) }
      return { ...runner, alive: true, kill: () => undefined } as unknown as RunnerProcess
    },
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

it('leaves half of the processors to those that work, however many want to start', async () => {
  const runners = starter()
  const pool = createWarmPool({ size: 0, after: Promise.resolve(), start: runners.start })
  const half = Math.max(1, Math.floor(availableParallelism() / 2))
  const taken = Array.from({ length: half + 2 }, () => pool.take())
  await pause(20)
  expect(runners.started).toBe(half)
  while (runners.started < half + 2 || runners.ready.length > 0) {
    runners.ready.shift()?.()
    await pause(1)
  }
  expect(await Promise.all(taken)).toHaveLength(half + 2)
  pool.stop()
})

it('does not wait for ever for a start that hangs', async () => {
  const runners = starter()
  const pool = createWarmPool({ size: 0, after: Promise.resolve(), start: runners.start })
  const half = Math.max(1, Math.floor(availableParallelism() / 2))
  for (let i = 0; i <= half; i++) void pool.take()
  await expect.poll(() => runners.started, { timeout: 5_000 }).toBe(half + 1)
  pool.stop()
})

it('starts nothing more once it has stopped', async () => {
  const runners = starter()
  const pool = createWarmPool({ size: 2, after: Promise.resolve(), start: runners.start })
  await expect.poll(() => pool.size).toBe(1)
  pool.stop()
  runners.ready.shift()?.()
  await pause(100)
  expect(runners.started).toBe(1)
  await expect(pool.take().then(() => pool.take())).rejects.toThrow('stopping')
})

it('is filled also where a start takes longer than usual', async () => {
  const runners = starter()
  const pool = createWarmPool({ size: 2, after: Promise.resolve(), start: runners.start })
  await expect.poll(() => pool.size).toBe(1)
  // More than the second that a start keeps the next one waiting.
  await pause(1_300)
  runners.ready.shift()?.()
  await expect.poll(() => pool.size).toBe(2)
  pool.stop()
})
