/** What `pg` needs to connect; usable as `new pg.Pool(connection)`. */
export interface PostgresConnection {
  /** Directory of the unix socket, or a host name. */
  host: string
  port: number
  user: string
  password: string
  database: string
}
