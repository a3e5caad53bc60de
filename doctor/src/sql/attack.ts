/**
 * One attack with SQL. In its statements these stand for names: `{own}` and `{victim}` for the quoted schemas of attacker
 * and victim, `{ownName}` and `{victimName}` for the same without quotes, `{role}`, `{victimRole}`, `{neighbourRole}`,
 * `{host}` and `{group}` for database roles, `{organization}`, `{victimOrganization}` and `{victimUser}` for ids.
 */
export interface SqlAttack {
  /** The one thing that it does. */
  name: string
  sql: string | readonly string[]
  /** `lifecycle`: from `configure()`, in the transaction that the host commits. Default: statement by statement. */
  send?: 'transaction' | 'lifecycle'
  replacements?: Record<string, unknown>
  bind?: unknown[]
  /**
   * What would be a hole, besides a canary in an answer and a change of what is not the attacker's: a row from the last
   * statement, that it was carried out at all, or a text in an answer.
   */
  hole?: 'row' | 'done' | RegExp
  /** Rows of the last statement are names or numbers that Postgres shows to everybody: counted, not a hole. */
  residue?: string
  /** Not sent on the bare role: what it is about is the guard or the façade. */
  onlyGuarded?: true
}

/** A thing left lying about for the host to run. */
export interface SqlPlant {
  name: string
  /** `{evidence}` is a sequence of the attacker's: whoever runs `nextval('{evidence}')` leaves a trace. */
  sql: string | readonly string[]
}

/** A lock that is held while somebody else wants to work. */
export interface SqlHold {
  name: string
  /** Sent in one transaction, which then stays open. */
  sql: string | readonly string[]
  /** What the host, or the victim, does meanwhile; it must not wait for longer than two seconds. */
  meanwhile: string
}

/** What must come to an end by itself, while the victim's plugin goes on working. */
export interface SqlExhaustion {
  name: string
  sql: string
  /** So many at once. */
  times?: number
}
