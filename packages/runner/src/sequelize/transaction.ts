import { randomUUID } from 'node:crypto'
import type { Requests } from './requests.js'
import { ask } from './requests.js'

export interface TransactionOptions {
  isolationLevel?: string
  readOnly?: boolean
  /** A transaction inside another is a savepoint. */
  transaction?: Transaction
}

const ISOLATION_LEVELS = {
  READ_UNCOMMITTED: 'READ UNCOMMITTED',
  READ_COMMITTED: 'READ COMMITTED',
  REPEATABLE_READ: 'REPEATABLE READ',
  SERIALIZABLE: 'SERIALIZABLE',
} as const

const LOCK = { UPDATE: 'UPDATE', SHARE: 'SHARE', KEY_SHARE: 'KEY SHARE', NO_KEY_UPDATE: 'NO KEY UPDATE' } as const

/** The transaction that a plugin holds; the host holds the connection, and ends it with the call. */
export class Transaction {
  static readonly ISOLATION_LEVELS = ISOLATION_LEVELS
  static readonly LOCK = LOCK
  static readonly TYPES = { DEFERRED: 'DEFERRED', IMMEDIATE: 'IMMEDIATE', EXCLUSIVE: 'EXCLUSIVE' } as const
  readonly LOCK = LOCK
  readonly id: string
  readonly parent: Transaction | undefined
  finished: 'commit' | 'rollback' | undefined
  readonly #requests: Requests
  /** What the host calls it. */
  readonly #key: string
  readonly #hooks: ((transaction: Transaction) => unknown)[] = []

  private constructor(requests: Requests, key: string, parent: Transaction | undefined) {
    this.#requests = requests
    this.#key = key
    this.parent = parent
    this.id = parent?.id ?? randomUUID()
  }

  static async begin(requests: Requests, options: TransactionOptions = {}): Promise<Transaction> {
    const { isolationLevel: isolation, readOnly, transaction: parent } = options
    if (isolation !== undefined && !(Object.values(ISOLATION_LEVELS) as string[]).includes(isolation)) {
      throw new Error(`Unknown isolation level "${isolation}": use one of Transaction.ISOLATION_LEVELS.`)
    }
    const params = { isolation, readOnly, parent: parent && Transaction.keyOf(parent) }
    const { transaction } = await ask<{ transaction: string }>(requests, 'db.begin', params, 'START TRANSACTION;')
    return new Transaction(requests, transaction, parent)
  }

  static keyOf(transaction: Transaction): string {
    return transaction.#key
  }

  async commit(): Promise<void> {
    this.#assertOpen('committed')
    try {
      await ask(this.#requests, 'db.commit', { transaction: this.#key }, 'COMMIT;')
    } finally {
      this.finished = 'commit'
    }
    for (const hook of this.#hooks) await hook.call(this, this)
  }

  async rollback(): Promise<void> {
    this.#assertOpen('rolled back')
    this.finished = 'rollback'
    await ask(this.#requests, 'db.rollback', { transaction: this.#key }, 'ROLLBACK;')
  }

  afterCommit(hook: (transaction: Transaction) => unknown): void {
    if (typeof hook !== 'function') throw new Error('"fn" must be a function')
    this.#hooks.push(hook)
  }

  #assertOpen(what: string): void {
    if (!this.finished) return
    throw new Error(`Transaction cannot be ${what} because it has been finished with state: ${this.finished}`)
  }
}
