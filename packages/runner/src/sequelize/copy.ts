import { type Column, textOf } from './column-text.js'
import type { Requests } from './requests.js'
import { ask } from './requests.js'
import { Transaction } from './transaction.js'

/** Characters of one message: large enough that its way does not count, small enough that neither side feels it. */
const MESSAGE_CHARACTERS = 512_000

/**
 * Adds rows with COPY. They are encoded here, so that the host only passes bytes on; while one message is on its way, the
 * next is encoded. Several messages are one transaction: the caller's, or an own one.
 */
export async function copyRows(
  requests: Requests,
  table: string,
  columns: readonly Column[],
  rows: readonly Record<string, unknown>[],
  outer: Transaction | undefined,
): Promise<number> {
  const messages = encode(rows, columns)
  const first = messages.next().value ?? ''
  const second = messages.next()
  const names = columns.map(({ name }) => name)
  const send = async (text: string, transaction: Transaction | undefined): Promise<number> => {
    const params = {
      table,
      columns: names,
      data: Buffer.from(text),
      transaction: transaction && Transaction.keyOf(transaction),
    }
    const { rowCount } = await ask<{ rowCount: number }>(requests, 'db.copy', params, `COPY ${table} FROM STDIN`)
    return rowCount
  }
  if (second.done === true) return send(first, outer)

  const sendAll = async (transaction: Transaction): Promise<number> => {
    let written = 0
    let onItsWay = send(first, transaction)
    for (let next: IteratorResult<string, undefined> = second; next.done !== true; next = messages.next()) {
      written += await onItsWay
      onItsWay = send(next.value, transaction)
    }
    return written + (await onItsWay)
  }
  return outer ? sendAll(outer) : inOwnTransaction(requests, sendAll)
}

/** Commits when `work` resolves; rolls back when it does not. */
export async function inOwnTransaction<Result>(
  requests: Requests,
  work: (own: Transaction) => Promise<Result>,
): Promise<Result> {
  const own = await Transaction.begin(requests)
  try {
    const result = await work(own)
    await own.commit()
    return result
  } catch (error) {
    if (!own.finished) await own.rollback().catch(() => {})
    throw error
  }
}

/** Lines of COPY's text format, in pieces of about {@link MESSAGE_CHARACTERS}. */
function* encode(rows: readonly Record<string, unknown>[], columns: readonly Column[]): Generator<string, undefined> {
  let text = ''
  for (const row of rows) {
    text += lineOf(row, columns)
    if (text.length < MESSAGE_CHARACTERS) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

function lineOf(row: Record<string, unknown>, columns: readonly Column[]): string {
  let line = ''
  let separator = ''
  for (const column of columns) {
    const value = row[column.name]
    // Most values are texts, or nothing.
    const text = typeof value === 'string' ? value : textOf(value, column)
    line += separator + (text === null ? '\\N' : escaped(text))
    separator = '\t'
  }
  return `${line}\n`
}

const special = /[\\\t\n\r]/
const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function escaped(text: string): string {
  return special.test(text) ? text.replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? character) : text
}
