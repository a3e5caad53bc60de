import type { AttackResult, Corpus } from '../corpus.js'

/** Runs a corpus to its end. */
export async function collect(corpus: Corpus): Promise<AttackResult[]> {
  const results: AttackResult[] = []
  for await (const result of corpus.run()) results.push(result)
  return results
}

export const holesAmong = (results: readonly AttackResult[]): AttackResult[] =>
  results.filter(({ outcome }) => outcome === 'succeeded')
