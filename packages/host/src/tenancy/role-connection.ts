import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TenonError } from '@tenon/contract'
import pg from 'pg'
import { isPostgresError } from '../migrations/sql-text.js'
import { sendCopy } from './copy-rows.js'
import { FIRST_USER_TYPE, valueParsers } from './value-parsers.js'

/** One statement's answer, in a shape that is small on the wire. */
export interface StatementResult {
  command: string
  /** Null where Postgres does not count (DDL). */
  rowCount: number | null
  /** `isList` for arrays of enums, of which only the server knows that they are some. */
  fields: { name: string; type: number; isList?: true }[]
  rows: unknown[][]
}

export interface StatementLimits {
  /** After this many milliseconds the host ends the backend, whatever the plugin did to its own settings. */
  timeoutMs: number
  maxBytes: number
  maxRows: number
}

/** A connection that is logged in as one plugin role. One statement at a time. */
export interface RoleConnection {
  readonly processId: number
  /** False after an error of the connection itself, or after the host ended it. */
  readonly usable: boolean
  /** The statement that runs, since how many milliseconds and after how many the host ends it; undefined when none does. */
  readonly statement: { ms: number; limitMs: number } | undefined
  /**
   * Runs one text. Without `values` it may hold several statements.
   * @throws the server's error; TenonError STATEMENT_TIMEOUT or RESULT_TOO_LARGE, after which it is not usable.
   */
  run(text: string, values: unknown[] | undefined, limits: StatementLimits): Promise<StatementResult[]>
  /** Runs a `COPY … FROM STDIN` of the host's with these bytes, under the same limits; answers how many rows went in. */
  copyIn(text: string, data: Uint8Array, limits: StatementLimits): Promise<number>
  /** Makes it as good as new: ROLLBACK first, because DISCARD ALL does not run inside a transaction. */
  reset(): Promise<void>
  /** Ends the backend from the host's side; `reason` is what the running statement is rejected with. */
  terminate(reason: TenonError): Promise<void>
  /** Whether the host has told the backend to end. */
  readonly terminated: boolean
  /** Resolves when the server has no such backend any more: some functions do not look for hours whether they are to end. */
  gone(): Promise<void>
  close(): Promise<void>
}

interface Options {
  config: pg.ClientConfig
  /** `pg_terminate_backend` over the host's own connection. */
  terminateBackend: (processId: number) => Promise<void>
  /** Asked over the host's own connection, too. */
  hasBackend: (processId: number) => Promise<boolean>
  /** Array types of enums that were seen, by oid. Shared by the connections of one database. */
  enumArrays: Map<number, boolean>
}

// RESET and DISCARD are the host's own; if they hang, the connection is thrown away.
const RESET_LIMITS: StatementLimits = { timeoutMs: 5_000, maxBytes: 65_536, maxRows: 100 }
/** Between two looks whether a backend is gone: most are at once. */
const lookMs = { first: 10, longest: 1_000 }

export async function connectRole({
  config,
  terminateBackend,
  hasBackend,
  enumArrays,
}: Options): Promise<RoleConnection> {
  const client = new pg.Client({ ...config, types: valueParsers as pg.CustomTypesConfig })
  let usable = true
  let endedBecause: TenonError | undefined
  let atWork: { since: number; limitMs: number } | undefined
  client.on('error', () => (usable = false))
  client.on('end', () => (usable = false))
  await client.connect()
  const { processID, socket, status } = internalsOf(client)

  let last: Promise<unknown> = Promise.resolve()

  /** One after the other: time and bytes are counted for the statement that runs. */
  function run(text: string, values: unknown[] | undefined, limits: StatementLimits): Promise<StatementResult[]> {
    return inTurn(limits, async () => {
      const onTooMany = () => end(tooLarge(`${limits.maxRows} rows`))
      return markLists(await collect(client, text, values, limits.maxRows, onTooMany))
    })
  }

  function inTurn<Result>(limits: StatementLimits, work: () => Promise<Result>): Promise<Result> {
    const mine = last.then(() => workNow(limits, work))
    last = mine.catch(() => {})
    return mine
  }

  async function workNow<Result>(limits: StatementLimits, work: () => Promise<Result>): Promise<Result> {
    if (!usable) throw endedBecause ?? new TenonError('SESSION_ENDED')
    atWork = { since: performance.now(), limitMs: limits.timeoutMs }
    const stopWatching = watchBytes(socket, limits.maxBytes, () => end(tooLarge(`${limits.maxBytes} bytes`)))
    const timer = setTimeout(
      () => void terminate(new TenonError('STATEMENT_TIMEOUT', { seconds: limits.timeoutMs / 1000 })),
      limits.timeoutMs,
    )
    try {
      const result = await work()
      // A result that was too large may have been here whole before the connection was cut.
      if (endedBecause) throw endedBecause
      return result
    } catch (error) {
      if (!isPostgresError(error) || error.severity === 'FATAL') usable = false
      throw endedBecause ?? error
    } finally {
      atWork = undefined
      clearTimeout(timer)
      stopWatching()
    }
  }

  /** Stops reading at once: what the server still wants to send is never held in memory. */
  function end(reason: TenonError): void {
    usable = false
    endedBecause ??= reason
    socket.destroy()
    void terminateBackend(processID).catch(() => {})
  }

  async function terminate(reason: TenonError): Promise<void> {
    usable = false
    endedBecause ??= reason
    await terminateBackend(processID).catch(() => {})
    // The server's goodbye normally ends the statement; a backend that does not react is cut off.
    setTimeout(() => socket.destroy(), 1_000).unref()
  }

  /** The types of users come as text: whoever reads it has to know which are lists. */
  async function markLists(results: StatementResult[]): Promise<StatementResult[]> {
    const fields = results.flatMap((result) => result.fields)
    const unknown = fields.map(({ type }) => type).filter((type) => type >= FIRST_USER_TYPE && !enumArrays.has(type))
    if (unknown.length > 0) await lookUpTypes(unknown)
    for (const field of fields) if (enumArrays.get(field.type)) field.isList = true
    return results
  }

  async function lookUpTypes(oids: number[]): Promise<void> {
    const { rows } = await client.query<{ oid: number }>(
      `SELECT a.oid FROM pg_catalog.pg_type a JOIN pg_catalog.pg_type e ON e.typarray OPERATOR(pg_catalog.=) a.oid
       WHERE e.typtype OPERATOR(pg_catalog.=) 'e' AND a.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])`,
      [oids],
    )
    const arrays = new Set(rows.map((row) => row.oid))
    for (const oid of oids) enumArrays.set(oid, arrays.has(oid))
  }

  return {
    processId: processID,
    get usable() {
      return usable
    },
    get statement() {
      return atWork && { ms: performance.now() - atWork.since, limitMs: atWork.limitMs }
    },
    run,
    copyIn: (text, data, limits) => inTurn(limits, () => sendCopy(client, text, data)),
    async reset() {
      if (status() !== 'I') await run('ROLLBACK', undefined, RESET_LIMITS)
      await run('DISCARD ALL', undefined, RESET_LIMITS)
    },
    terminate,
    get terminated() {
      return endedBecause !== undefined
    },
    async gone() {
      // A server that does not answer has nobody at work.
      const isThere = () => hasBackend(processID).catch(() => false)
      for (let pauseMs = lookMs.first; await isThere(); pauseMs = Math.min(pauseMs * 2, lookMs.longest)) {
        await sleep(pauseMs, undefined, { ref: false })
      }
    },
    async close() {
      usable = false
      await client.end().catch(() => {})
    },
  }
}

/** Collects rows as arrays, so that a million small rows never become objects before they are counted. */
function collect(
  client: pg.Client,
  text: string,
  values: unknown[] | undefined,
  maxRows: number,
  onTooMany: () => void,
): Promise<StatementResult[]> {
  return new Promise((resolve, reject) => {
    const config = values ? { text, values, rowMode: 'array' as const } : { text, rowMode: 'array' as const }
    const query = new pg.Query(config as pg.QueryConfig)
    let rowsSeen = 0
    query.on('row', (row: unknown, result?: pg.ResultBuilder) => {
      rowsSeen += 1
      if (rowsSeen === maxRows + 1) onTooMany()
      if (rowsSeen <= maxRows) result?.addRow(row as never)
    })
    query.on('error', reject)
    query.on('end', (result: unknown) => {
      const results = (Array.isArray(result) ? result : [result]) as pg.QueryArrayResult<unknown[]>[]
      resolve(results.map(toStatementResult))
    })
    client.query(query)
  })
}

function toStatementResult(result: pg.QueryArrayResult<unknown[]>): StatementResult {
  return {
    command: result.command,
    rowCount: result.rowCount,
    fields: result.fields.map((field) => ({ name: field.name, type: field.dataTypeID })),
    rows: result.rows,
  }
}

function watchBytes(socket: Socket, maxBytes: number, onTooMany: () => void): () => void {
  let bytes = 0
  const count = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) {
      stop()
      onTooMany()
    }
  }
  const stop = () => void socket.removeListener('data', count)
  socket.prependListener('data', count)
  return stop
}

/** What pg has but does not declare. */
function internalsOf(client: pg.Client): { processID: number; socket: Socket; status: () => string | null } {
  const internals = client as unknown as {
    processID: number
    connection: { stream: Socket }
    getTransactionStatus(): string | null
  }
  return {
    processID: internals.processID,
    socket: internals.connection.stream,
    status: () => internals.getTransactionStatus(),
  }
}

const tooLarge = (limit: string) => new TenonError('RESULT_TOO_LARGE', { limit })
