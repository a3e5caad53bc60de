import type { AttackResult } from '../corpus.js'
import type { SqlAttack } from './attack.js'
import type { StatementAnswer } from './senders.js'

interface Evidence {
  answers: StatementAnswer[]
  canaries: readonly string[]
  /** Names of parts of the state that are not as before. */
  changes: readonly string[]
  /** A session of the host was ended. */
  hostSessionEnded: boolean
}

/** What an attack came to, by what it got and what it changed. */
export function judge(attack: SqlAttack, { answers, canaries, changes, hostSessionEnded }: Evidence): AttackResult {
  const { name, hole, residue } = attack
  const said = JSON.stringify(answers)
  const last = answers.at(-1)
  const rows = last?.count ?? 0
  const carriedOut = answers.length > 0 && answers.every(({ error }) => error === undefined)
  const succeeded = (how: string): AttackResult => ({ name, outcome: 'succeeded', how })

  if (canaries.some((canary) => said.includes(canary))) return succeeded('it got a text of somebody else')
  if (changes.length > 0) return succeeded(`it changed: ${changes.join(', ')}`)
  if (hostSessionEnded) return succeeded('it ended a session of the host')
  if (hole === 'row' && rows > 0) return succeeded(`it got ${rows} rows: ${short(last?.rows)}`)
  if (hole === 'done' && carriedOut) return succeeded('it was carried out')
  if (hole instanceof RegExp && hole.test(said)) return succeeded(`it was told ${short(said)}`)
  if (residue !== undefined && rows > 0) return { name, outcome: 'residue', how: `${rows} ${residue}` }
  const refusal = answers.find(({ error }) => error !== undefined)?.error
  return { name, outcome: 'stopped', how: refusal === undefined ? 'nothing of others came of it' : short(refusal) }
}

function short(text = ''): string {
  return text.replace(/\s+/g, ' ').slice(0, 160)
}
