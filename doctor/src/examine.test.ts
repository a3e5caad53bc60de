import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CorpusPlan } from './corpora.js'
import type { AttackResult } from './corpus.js'
import { examine, type Findings } from './examine.js'
import { referenceApplication } from './reference-application.js'
import { prepareDeploymentInTest, type DeploymentInTest } from './testing/ground-in-test.js'

let deployment: DeploymentInTest
beforeAll(async () => {
  deployment = await prepareDeploymentInTest()
})
afterAll(() => deployment.close())

const plan = (name: string, run: CorpusPlan['open']): CorpusPlan => ({ name, about: name, open: run })
const rows: AttackResult[] = [
  { name: 'a', outcome: 'stopped', how: 'by a wall' },
  { name: 'b', outcome: 'residue', how: '3 names' },
  { name: 'c', outcome: 'succeeded', how: 'it got in' },
]

describe('an examination', () => {
  test('counts what each corpus came to, and leaves no organization behind', async () => {
    const seen: string[] = []
    let closed = 0
    const plans = [
      plan('three', async () => ({
        on: () => ({
          name: 'three',
          async *run() {
            yield* rows
          },
        }),
        close: async () => void closed++,
      })),
      plan('broken', async () => ({
        on: () => ({
          name: 'broken',
          async *run() {
            yield rows[0] as AttackResult
            throw new Error('the ground gave way')
          },
        }),
        close: async () => void closed++,
      })),
    ]
    const found: Findings[] = []
    const examination = examine(plans, {
      host: deployment.host,
      connection: deployment.connection,
      application: referenceApplication,
      onResult: (corpus, { name, outcome }) => seen.push(`${corpus} ${name} ${outcome}`),
    })
    for await (const findings of examination) found.push(findings)
    expect(found).toEqual([
      { corpus: 'three', counts: { stopped: 1, residue: 1, succeeded: 1 } },
      { corpus: 'broken', counts: { stopped: 1, residue: 0, succeeded: 0 }, failure: 'the ground gave way' },
    ])
    expect(seen).toEqual(['three a stopped', 'three b residue', 'three c succeeded', 'broken a stopped'])
    expect(closed).toBe(2)
    const { rows: left } = await deployment.pool.query(
      'SELECT schema FROM tenon.tenants UNION ALL SELECT name FROM public.organizations',
    )
    expect(left).toEqual([])
  })
})
