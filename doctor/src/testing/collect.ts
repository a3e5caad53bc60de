import type { AttackResult, Corpus } from '../corpus.js'

/** Runs a corpus to its end, and prints a row for each attack, for whoever reads the output of the test. */
export async function collect(corpus: Corpus): Promise<AttackResult[]> {
  const results: AttackResult[] = []
  for await (const result of corpus.run()) results.push(result)
  const rows = results.map(({ name, outcome, how }) => {
    return `${corpus.name.padEnd(9)} ${outcome.padEnd(9)} ${name.padEnd(60)} ${how.replaceAll(/\s+/g, ' ')}`
  })
  process.stdout.write(`${rows.join('\n')}\n`)
  return results
}

export const holesAmong = (results: readonly AttackResult[]): AttackResult[] =>
  results.filter(({ outcome }) => outcome === 'succeeded')
