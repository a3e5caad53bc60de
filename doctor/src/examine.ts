import type { PluginHostOptions } from '@tenon/host'
import type { AttackOutcome, AttackResult } from './corpus.js'
import type { CorpusPlan } from './corpora.js'
import { type GroundApplication, prepareGround } from './ground.js'

/** What one corpus came to. */
export interface Findings {
  corpus: string
  counts: Record<AttackOutcome, number>
  /** Set when the corpus could not be run to its end. */
  failure?: string
}

interface ExamineOptions {
  host: Omit<PluginHostOptions, 'marketplace' | 'authenticate' | 'dataDir' | 'log'>
  connection: Parameters<typeof prepareGround>[0]['connection']
  application: GroundApplication
  signal?: AbortSignal
  onResult(corpus: string, result: AttackResult): void
}

/**
 * Runs corpora one after the other, each between throw-away organizations of its own, which are gone afterwards.
 */
export async function* examine(plans: readonly CorpusPlan[], options: ExamineOptions): AsyncGenerator<Findings> {
  for (const plan of plans) {
    if (options.signal?.aborted) return
    yield await runPlan(plan, options)
  }
}

async function runPlan(plan: CorpusPlan, { host, connection, application, signal, onResult }: ExamineOptions) {
  const findings: Findings = { corpus: plan.name, counts: { stopped: 0, residue: 0, succeeded: 0 } }
  const opened = await plan.open()
  try {
    const ground = await prepareGround({ host: { ...host, ...opened.options?.(host) }, connection, application })
    try {
      for await (const result of opened.on(ground).run(signal)) {
        findings.counts[result.outcome] += 1
        onResult(plan.name, result)
      }
    } finally {
      await ground.close()
    }
  } catch (error) {
    findings.failure = error instanceof Error ? error.message : String(error)
  } finally {
    await opened.close?.()
  }
  return findings
}
