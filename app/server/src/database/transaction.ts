import type { ClientBase, Pool } from 'pg'

export { inTransaction } from '@tenon/host'

/** Anything that runs a statement: the pool, or one connection inside a transaction. */
export type Queryable = Pick<ClientBase | Pool, 'query'>
