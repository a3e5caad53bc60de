import { createAskedThread } from '../threads/asked-thread.js'
import type { ParseNode } from './parse-tree.js'

/** `statements`: a list of them. `block`: the PL/pgSQL of one DO statement. */
export type ParseKind = 'statements' | 'block'

export interface ParserQuestion {
  kind: ParseKind
  sql: string
  maxTreeCharacters: number
}

/** What comes of a text. `broken`: the parser did not survive it, or was not done in time, and reads nothing after it. */
export type ParserAnswer = { tree: ParseNode } | { failure: ParserFailure } | { broken: 'depth' | 'size' | 'time' }

/** Trees come as texts: they can be too deep to be copied from one thread to another, which is then told to nobody. */
export type ParserThreadAnswer =
  Exclude<ParserAnswer, { tree: ParseNode }> | { json: string } | { refused: 'depth' | 'size' }

/** What the parser says of a text that is not SQL. */
export interface ParserFailure {
  message: string
  /** Characters from the start of the text, from 0. */
  position?: number
}

export interface ParserThread {
  parse(kind: ParseKind, sql: string, asker: string): Promise<ParserAnswer>
  stop(): Promise<void>
}

/**
 * One text at a time, and the askers take turns: a plugin that sends nothing but monstrous texts delays the others by
 * one of them. What a thread does not survive ends with it: the next text gets a new one.
 *
 * @param parseMs what is not read after so long is broken off
 * @param turnMs the same, for when others wait
 * @param maxTreeCharacters of a tree as a text; the thread could make hundreds of millions
 */
export function createParserThread({
  parseMs,
  turnMs = parseMs,
  maxTreeCharacters,
}: {
  parseMs: number
  turnMs?: number
  maxTreeCharacters: number
}): ParserThread {
  const thread = createAskedThread<ParserQuestion, ParserThreadAnswer>({
    script: 'parser-worker',
    answerMs: parseMs,
    turnMs,
    memoryMb: 512,
    isSpent: (answer) => 'broken' in answer,
  })
  return {
    async parse(kind, sql, asker) {
      const outcome = await thread.ask({ kind, sql, maxTreeCharacters }, asker)
      if ('answer' in outcome) return toParserAnswer(outcome.answer)
      return { broken: outcome.failure === 'late' ? 'time' : 'size' }
    },
    stop: thread.stop,
  }
}

function toParserAnswer(answer: ParserThreadAnswer): ParserAnswer {
  if ('refused' in answer) return { broken: answer.refused }
  return 'json' in answer ? { tree: JSON.parse(answer.json) as ParseNode } : answer
}
