import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { processesWith, signalProcess } from './processes.js'

afterEach(() => vi.restoreAllMocks())

describe('a signal', () => {
  it.each([0, 1, -1, -2, Number.NaN, 2.5, process.pid])('is not sent to %d', (pid) => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
    expect(() => signalProcess(pid, 'SIGKILL')).toThrow(`${pid} is no process of a test`)
    expect(kill).not.toHaveBeenCalled()
  })

  it('is sent to a process of its own', async () => {
    const child = spawn('sleep', ['60'])
    const ended = once(child, 'exit')
    signalProcess(child.pid as number, 'SIGKILL')
    expect(await ended).toEqual([null, 'SIGKILL'])
  })
})

describe('processes with a word', () => {
  it.each(['', '-e', 'a word'])('are not looked for with "%s"', (word) => {
    expect(() => processesWith(word)).toThrow('is no word of a test')
  })

  it.runIf(process.platform === 'linux')('are those that have it as an argument', async () => {
    const word = `word-of-${process.pid}-${performance.now()}`
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 60_000)', word])
    await expect.poll(() => processesWith(word)).toEqual([child.pid])
    child.kill()
    await once(child, 'exit')
    expect(processesWith(word)).toEqual([])
  })
})
