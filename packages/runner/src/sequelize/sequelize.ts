import { formatBind } from './bind.js'
import { escapeValue } from './escape.js'
import { QueryTypes } from './query-types.js'
import { injectReplacements } from './replacements.js'
import type { Requests } from './requests.js'
import { ask } from './requests.js'
import { shapeResults, type WireResult } from './results.js'
import { Transaction, type TransactionOptions } from './transaction.js'

export interface QueryOptions {
  replacements?: unknown
  bind?: unknown[] | Record<string, unknown>
  type?: string
  transaction?: Transaction | null
  raw?: boolean
  plain?: boolean
  nest?: boolean
  logging?: unknown
  model?: unknown
  instance?: unknown
}

export type QueryText = string | { query: string; values?: unknown; bind?: unknown[] | Record<string, unknown> }

type Work<Result> = (transaction: Transaction) => Promise<Result> | Result

const internal = Symbol('made by Tenon')

/**
 * What plugins know as `sequelize`: queries and transactions of Sequelize 6, run by the host on the plugin's own
 * database role. There are no models.
 */
export class Sequelize {
  static readonly QueryTypes = QueryTypes
  static readonly Transaction = Transaction
  static readonly literal = literal
  readonly QueryTypes = QueryTypes
  readonly Sequelize = Sequelize
  readonly #requests: Requests

  constructor(key: unknown, requests?: Requests) {
    if (key !== internal || !requests) {
      throw new Error('A plugin cannot open a database connection: use context.sequelize, which is the tenant’s.')
    }
    this.#requests = requests
  }

  static make(requests: Requests): Sequelize {
    return new Sequelize(internal, requests)
  }

  async query(text: QueryText, options: QueryOptions = {}): Promise<unknown> {
    const { sql, bind, settings } = readQuery(text, options)
    const { transaction } = settings
    if (transaction?.finished) throw transactionFinished(transaction, sql)
    logQuery(settings.logging, sql, transaction)
    const params = { sql, bind, transaction: transaction ? Transaction.keyOf(transaction) : undefined }
    const { results } = await ask<{ results: WireResult[] }>(this.#requests, 'db.query', params, sql, bind)
    const { plain = false, nest = false } = settings
    return shapeResults(results, sql, { type: settings.type ?? (nest || plain ? 'SELECT' : 'RAW'), plain, nest })
  }

  transaction(options?: TransactionOptions): Promise<Transaction>
  transaction<Result>(work: Work<Result>): Promise<Result>
  transaction<Result>(options: TransactionOptions, work: Work<Result>): Promise<Result>
  async transaction<Result>(first?: TransactionOptions | Work<Result>, second?: Work<Result>) {
    const work = typeof first === 'function' ? first : second
    const transaction = await Transaction.begin(this.#requests, typeof first === 'function' ? undefined : first)
    if (!work) return transaction
    let result: Result
    try {
      result = await work(transaction)
    } catch (error) {
      await transaction.rollback().catch(() => {})
      throw error
    }
    await transaction.commit()
    return result
  }

  escape(value: unknown): string {
    return escapeValue(value)
  }

  literal(text: unknown): { val: unknown } {
    return literal(text)
  }

  async authenticate(): Promise<void> {
    await this.query('SELECT 1+1 AS result', { raw: true, plain: true })
  }

  getDialect(): string {
    return 'postgres'
  }
}

function literal(text: unknown): { val: unknown } {
  return { val: text }
}

function readQuery(text: QueryText, options: QueryOptions) {
  const settings = { ...options }
  if (settings.model || settings.instance) throw unavailable('query({ model })', modelAdvice)
  let sql = typeof text === 'string' ? text : text.query
  if (typeof text === 'object') {
    settings.replacements = merged('values', 'replacements', text.values, settings.replacements)
    settings.bind = merged('bind', 'bind', text.bind, settings.bind) as QueryOptions['bind'] & object
  }
  sql = sql.trim()
  if (settings.replacements && settings.bind) {
    throw new Error('Both `replacements` and `bind` cannot be set at the same time')
  }
  if (settings.replacements) sql = injectReplacements(sql, settings.replacements)
  if (!settings.bind) return { sql, bind: undefined, settings }
  const [formatted, values] = formatBind(sql, settings.bind)
  return { sql: formatted, bind: values.length > 0 ? values : undefined, settings }
}

function merged(inText: string, inOptions: string, first: unknown, second: unknown): unknown {
  if (first !== undefined && second !== undefined) {
    throw new Error(`Both \`sql.${inText}\` and \`options.${inOptions}\` cannot be set at the same time`)
  }
  return first ?? second
}

function logQuery(logging: unknown, sql: string, transaction: Transaction | null | undefined): void {
  if (typeof logging === 'function')
    (logging as (line: string) => void)(`Executing (${transaction?.id ?? 'default'}): ${sql}`)
}

function transactionFinished({ finished, id }: Transaction, sql: string): Error {
  const message =
    `${finished} has been called on this transaction(${id}), you can no longer use it. ` +
    `(The rejected query is attached as the 'sql' property of this error)`
  return Object.assign(new Error(message), { sql })
}

const modelAdvice = 'write the SQL and run it with sequelize.query(sql, { replacements, type })'
const connectionAdvice = 'the connection is the host’s and ends with the call'
const ddlAdvice = 'create your tables with sequelize.query("CREATE TABLE IF NOT EXISTS …")'

/** Methods of Sequelize that are not here, and what to use instead. */
const advice: Record<string, string> = {
  define: modelAdvice,
  model: modelAdvice,
  isDefined: modelAdvice,
  import: modelAdvice,
  fn: modelAdvice,
  col: modelAdvice,
  cast: modelAdvice,
  where: modelAdvice,
  and: modelAdvice,
  or: modelAdvice,
  json: modelAdvice,
  random: modelAdvice,
  set: 'put the values into the statement with replacements or bind',
  sync: ddlAdvice,
  drop: ddlAdvice,
  truncate: 'run TRUNCATE with sequelize.query()',
  createSchema: 'the tenant’s schema exists already; ' + ddlAdvice,
  dropSchema: 'a plugin owns tables, not the schema; run DROP TABLE with sequelize.query()',
  dropAllSchemas: 'a plugin owns tables, not the schema; run DROP TABLE with sequelize.query()',
  showAllSchemas: 'a plugin has one schema: its tenant’s',
  getQueryInterface: ddlAdvice,
  close: connectionAdvice,
  databaseVersion: 'run SELECT current_schema() or the like with sequelize.query()',
  getDatabaseName: connectionAdvice,
  addHook: modelAdvice,
  useCLS: 'pass { transaction } to sequelize.query()',
}

/** A method that does not exist says so when it is called; anything else that is unknown is undefined, as ever. */
export function withAdvice<Target extends object>(target: Target): Target {
  return new Proxy(target, {
    get(object, key) {
      if (typeof key === 'string' && !(key in object) && Object.hasOwn(advice, key)) {
        return () => {
          throw unavailable(`${key}()`, advice[key] ?? '')
        }
      }
      const value: unknown = Reflect.get(object, key, object)
      // Private fields belong to the object itself, not to the proxy before it.
      return typeof value === 'function' && key !== 'constructor' && key !== 'Sequelize'
        ? (value.bind(object) as unknown)
        : value
    },
  })
}

function unavailable(what: string, instead: string): Error {
  return new Error(`sequelize.${what} is not available to plugins: ${instead}.`)
}
