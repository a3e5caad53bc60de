import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { functionCall, silentLog, targetOf } from './fixtures/plugin-under-test.js'
import { createRuntime } from './index.js'
import { createPidFiles } from './pid-files.js'

let directory: string
let orphan: ChildProcess
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'tenon-pids-'))
  orphan = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore', detached: true })
})
afterEach(() => {
  orphan.kill('SIGKILL')
  rmSync(directory, { recursive: true })
})

const files = () => readdirSync(directory)
const isAlive = () => orphan.exitCode === null && orphan.signalCode === null

/** Notes the orphan as the child of this host, then changes the note. */
function note(change: (entry: { startedAt: string; host: { pid: number; startedAt: string } }) => void): void {
  createPidFiles(directory).add(orphan.pid as number)
  const file = path.join(directory, files()[0] as string)
  const entry = JSON.parse(readFileSync(file, 'utf8')) as {
    startedAt: string
    host: { pid: number; startedAt: string }
  }
  change(entry)
  writeFileSync(file, JSON.stringify(entry))
}

it('ends a child whose host is gone', async () => {
  note((entry) => (entry.host.startedAt = 'earlier'))
  createPidFiles(directory)
  await expect.poll(isAlive).toBe(false)
  expect(files()).toEqual([])
})

it('leaves the child of a living host alone', () => {
  note(() => undefined)
  createPidFiles(directory)
  expect(isAlive()).toBe(true)
  expect(files()).toHaveLength(1)
})

it('leaves a process alone that only has the number of a child that is gone', async () => {
  note((entry) => {
    entry.startedAt = 'another time'
    entry.host.pid = 2 ** 30
  })
  createPidFiles(directory)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(isAlive()).toBe(true)
  expect(files()).toEqual([])
})

it('throws away a file that says nothing', () => {
  writeFileSync(path.join(directory, 'runner-1.json'), '{"pid":')
  writeFileSync(path.join(directory, 'another-file'), '')
  createPidFiles(directory)
  expect(files()).toEqual(['another-file'])
})

it('has a file for each child of a runtime, and none after it', async () => {
  const runtime = createRuntime({
    log: silentLog,
    pidDirectory: directory,
    limits: { warmRunners: 1 },
    // Under T3 the file names the process that ends with the runner, and the other way round.
    maxTier: 'T2',
  })
  await runtime.call(targetOf('exports.install = () => ({}); exports.hello = () => 1'), functionCall('hello'))
  const pids = runtime.status().processes.map(({ pid }) => `runner-${pid}.json`)
  expect(files()).toEqual(expect.arrayContaining(pids))
  await runtime.stop()
  expect(files()).toEqual([])
})
