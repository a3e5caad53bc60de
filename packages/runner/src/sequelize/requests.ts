import { sequelizeError, type ServerError } from './errors.js'

/** Sends a request of one call to the host. */
export interface Requests {
  request(method: string, params: unknown): Promise<unknown>
}

/** @throws the error that Sequelize would throw, when the host's answer is one of the server's errors. */
export async function ask<Answer>(
  { request }: Requests,
  method: 'db.query' | 'db.copy' | 'db.begin' | 'db.commit' | 'db.rollback',
  params: object,
  sql: string,
  bind?: unknown[],
): Promise<Answer> {
  const answer = (await request(method, withoutUndefined(params))) as { error?: ServerError } & Answer
  if (answer.error) throw sequelizeError(answer.error, sql, bind)
  return answer
}

function withoutUndefined(params: object): object {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined))
}
