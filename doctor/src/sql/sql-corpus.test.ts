import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AttackResult } from '../corpus.js'
import { collect, holesAmong } from '../testing/collect.js'
import { type GroundInTest, prepareGroundInTest } from '../testing/ground-in-test.js'
import { roleCorpus, sqlCorpus } from './sql-corpus.js'

let ground: GroundInTest
beforeAll(async () => {
  // What never ends by itself is sent, too, and nobody learns more from waiting for it longer.
  ground = await prepareGroundInTest({ limits: { tenancy: { statementTimeoutMs: 1_000 } } })
})
afterAll(() => ground.close())

/** What can be seen, and by which attack. Of schemas, roles and databases as many as the server happens to have. */
const seenAnyway = {
  'names of schemas': 'names of schemas',
  'names of tables by the schema as a value': '26 names of tables',
  'names of tables by their schema': '26 names of tables',
  'estimates of rows': '8 estimates of rows',
  'names of roles': 'names of roles',
  'names of databases': 'names of databases',
  'sources of functions of the host': '33 sources of functions',
  'row policies': '2 names of policies',
  'sizes of tables of another tenant': '8 sizes of tables',
  'names a function by its number': '1 numbers of functions',
  'casts a text to a function': '1 numbers of functions',
}

/** Without what only the statement guard stops: on a server that nobody prepared it is part of the wall. */
function residueAmong(results: readonly AttackResult[]): Record<string, string> {
  const residue = results.filter(({ outcome, how }) => outcome === 'residue' && !how.startsWith('only the statement'))
  return Object.fromEntries(
    residue.map(({ name, how }) => [name, how.replace(/^\d+ (?=names of (schemas|roles|databases)$)/, '')]),
  )
}

describe('a hostile plugin with SQL', () => {
  test('reaches nobody through the host', { timeout: 480_000, retry: 0 }, async () => {
    const results = await collect(sqlCorpus(ground))
    expect(holesAmong(results)).toEqual([])
    expect(residueAmong(results)).toEqual(seenAnyway)
    expect(results.length).toBeGreaterThan(300)
    expect(new Set(results.map(({ name }) => name)).size).toBe(results.length)
  })

  test('reaches nobody when it has its role in its own hands', { timeout: 300_000, retry: 0 }, async () => {
    const results = await collect(roleCorpus(ground))
    expect(holesAmong(results)).toEqual([])
    expect(residueAmong(results)).toEqual({ ...seenAnyway, 'counters of tables of another tenant': '8 counters' })
    expect(results.length).toBeGreaterThan(250)
  })
})
