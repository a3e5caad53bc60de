/** Sends a request of one call to the host. */
export interface SequelizeRequests {
  request(method: string, params: unknown): Promise<unknown>
}

/** The `sequelize` object of one call. */
export function createSequelize({ request }: SequelizeRequests): object {
  return { QueryTypes, query: (sql: string, options: unknown) => request('db.query', { sql, options }) }
}

const QueryTypes = { SELECT: 'SELECT', INSERT: 'INSERT', UPDATE: 'UPDATE', DELETE: 'DELETE', RAW: 'RAW' }

/** What `require('sequelize')` gives. */
export const sequelizeModule: object = { QueryTypes }
