import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CorpusPlan } from './corpora.js'
import type { AttackOutcome } from './corpus.js'
import { runDoctor } from './run-doctor.js'
import { prepareDeploymentInTest, type DeploymentInTest } from './testing/ground-in-test.js'

let deployment: DeploymentInTest
let directory: string
beforeAll(async () => {
  deployment = await prepareDeploymentInTest()
  directory = await mkdtemp(path.join(tmpdir(), 'tenon-doctor-run-'))
})
afterAll(async () => {
  await deployment.close()
  await rm(directory, { recursive: true })
})

function addressOf({ host, port, user, password, database }: pg.ClientConfig): string {
  const url = new URL('postgres://localhost')
  url.username = String(user)
  url.password = String(password)
  url.pathname = `/${database}`
  url.search = new URLSearchParams({ host: String(host), port: String(port) }).toString()
  return url.href
}

/** A corpus whose attacks come to what is said; it breaks off in the end when `failure` says why. */
const plan = (name: string, outcomes: AttackOutcome[], failure?: string): CorpusPlan => ({
  name,
  about: name,
  open: async () => ({
    on: () => ({
      name,
      async *run() {
        for (const [at, outcome] of outcomes.entries())
          yield { name: `${name} ${at}`, outcome, how: `it was\n${outcome}` }
        if (failure !== undefined) throw new Error(failure)
      },
    }),
  }),
})
const plans = [
  plan('held', ['stopped', 'stopped']),
  plan('seen', ['stopped', 'residue']),
  plan('pierced', ['stopped', 'succeeded']),
  plan('empty', []),
  plan('broken', ['stopped'], 'the ground gave way'),
]

async function run(...args: string[]): Promise<{ status: number; lines: string[]; rows: string }> {
  const lines: string[] = []
  const file = path.join(directory, 'rows.txt')
  const environment = {
    DATABASE_URL: addressOf(deployment.connection),
    TENON_DATA_DIR: directory,
    // What is stronger needs longer to be tried, and is not what is asked here.
    SANDBOX_MAX_TIER: '1',
  }
  const write = (line: string) => void lines.push(line)
  const status = await runDoctor([...args, '--rows', file], { environment, write, plans })
  return { status, lines, rows: await readFile(file, 'utf8') }
}

test.each([
  [0, ['held'], 'held       2 attacks, 0 succeeded, 0 residue'],
  [0, ['held', 'seen'], 'seen       2 attacks, 0 succeeded, 1 residue'],
  [1, ['held', 'pierced'], 'pierced    2 attacks, 1 succeeded, 0 residue'],
  [1, ['empty'], 'empty      0 attacks, 0 succeeded, 0 residue'],
  [
    1,
    ['held', 'broken'],
    'broken     could not be run to its end: the ground gave way (1 attacks, 0 succeeded, 0 residue)',
  ],
])('ends with status %i after %j', async (status, corpora, line) => {
  const outcome = await run('--corpus', ...corpora)
  expect(outcome).toMatchObject({ status, lines: expect.arrayContaining([line]) as string[] })
})

test('writes a row for each attack, and prints those that were not stopped', async () => {
  const { lines, rows } = await run('--corpus', 'held', 'pierced')
  expect(rows.split('\n')).toEqual([
    'held       stopped   held 0: it was stopped',
    'held       stopped   held 1: it was stopped',
    'pierced    stopped   pierced 0: it was stopped',
    'pierced    succeeded pierced 1: it was succeeded',
    '',
  ])
  expect(lines).toContain('pierced    succeeded pierced 1: it was succeeded')
  expect(lines.filter((line) => line.includes(' stopped '))).toEqual([])
  expect(lines.at(-1)).toBe(`The row of each attack is in ${path.join(directory, 'rows.txt')}`)
})

test('in production runs nothing on the database that was not named', async () => {
  const environment = { NODE_ENV: 'production', SANDBOX_MAX_TIER: '1' }
  const unnamed = runDoctor([], { environment: { ...environment, ...secrets }, write: () => undefined, plans })
  await expect(unnamed).rejects.toThrow('only when they are named')
})

const secrets = {
  JWT_SECRET: 'a secret of the tests that is long enough to be one',
  TENON_SECRET_KEY: 'a key of the tests that is long enough to be one',
  DATABASE_URL: 'postgres://127.0.0.1:9/nothing',
  PUBLIC_URL: 'https://app.example',
}
