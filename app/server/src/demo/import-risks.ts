import type { RunJson } from '@tenon/contract'
import type { ApiClient } from './api-client.js'
import { expect } from './expect.js'
import { fillTemplate } from './fill-template.js'
import type { Report } from './report.js'
import { waitFor } from './wait-for.js'

const riskCount = 1_000
const manyRisks = 20_000
const importPath = '/api/plugins/risk-import/import'

interface ImportResult {
  imported: number
  failed: number
  importId: string
}

/** The template, filled in and sent back: so few rows that the answer is waited for. */
export async function importRisks(api: ApiClient, owner: string, report: Report): Promise<void> {
  const template = await api.download('/api/plugins/risk-import/template')
  report('Download the risk template', `${Math.round(template.length / 1_000)} kB workbook`)
  const workbook = await fillTemplate(template, { count: riskCount, owner })
  const result = await api.upload<ImportResult>(importPath, { name: 'risks.xlsx', content: workbook })
  expect(result.imported === riskCount && result.failed === 0, `imported ${JSON.stringify(result).slice(0, 500)}`)
  const total = await countRisks(api)
  expect(total === riskCount, `the register has ${total} risks`)
  report('Import a filled-in workbook', `${result.imported} risks; the register now has ${total}`)
}

/** So many rows that nobody waits for the answer, and what it takes to be rid of them again. */
export async function importAndUndo(api: ApiClient, owner: string, report: Report): Promise<void> {
  const file = { name: 'many-risks.csv', content: new TextEncoder().encode(csvOf(owner)) }
  const { runId } = await api.upload<{ runId: string }>(importPath, file, { prefer: 'respond-async' })
  const seen = new Set<number>()
  const run = await waitFor('the end of the import', () => follow(api, runId, seen, report), { timeoutMs: 60_000 })
  expect(run.state === 'succeeded', `the import ${run.state}: ${run.error?.message}`)
  expect(run.counts['imported'] === manyRisks, `imported ${run.counts['imported']}`)
  expect(seen.size > 1, `it said ${seen.size} times how far it was`)
  report('Import a large CSV file', `${numberOf(manyRisks)} risks; it said ${seen.size} times how far it was`)

  const { importId } = run.result as ImportResult
  const undone = await api.call<{ removed: number }>('POST', '/api/plugins/risk-import/undo', { importId })
  const total = await countRisks(api)
  expect(undone.removed === manyRisks && total === riskCount, `removed ${undone.removed}, the register has ${total}`)
  report(
    'Take that import back',
    `${numberOf(undone.removed)} risks are gone; the register has ${numberOf(total)} again`,
  )
}

/** The run when it has ended; until then, notes how far it is. */
async function follow(api: ApiClient, id: string, seen: Set<number>, report: Report): Promise<RunJson | undefined> {
  const run = await api.call<RunJson>('GET', `/api/plugins/runs/${id}`)
  const { done } = run.progress ?? { done: 0 }
  if (done > 0 && !seen.has(done)) {
    seen.add(done)
    report.meanwhile?.(`${numberOf(done)} of ${numberOf(manyRisks)} rows`)
  }
  return run.finishedAt === null ? undefined : run
}

function csvOf(owner: string): string {
  const header = 'Risk Name,Risk Owner,Risk Description,AI Lifecycle Phase,Likelihood,Severity'
  const rows = Array.from(
    { length: manyRisks },
    (_, n) =>
      `Large risk ${n + 1},"${owner}",What could go wrong in step ${n + 1},Deployment & integration,Possible,Minor`,
  )
  return [header, ...rows].join('\n')
}

async function countRisks(api: ApiClient): Promise<number> {
  return (await api.call<{ total: number }>('GET', '/api/risks?pageSize=1')).total
}

const numberOf = (value: number): string => value.toLocaleString('en')
