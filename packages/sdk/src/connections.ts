/** An account at another service that the organization connected. @since 0.1.0 */
export interface Connection {
  id: number
  account: { id: string; name: string }
  /** What the `response.details` of the manifest took out of the provider's answer. */
  details: Record<string, unknown>
  /** What an admin chose for this connection, after the schema in the manifest. */
  settings: Record<string, unknown>
  /** False while an admin has it switched off: then there are no tokens of it. */
  isActive: boolean
  /** What this plugin last reported of it; absent while it works. */
  problem?: string
}

/** What is secret of a connection. Use it for the call and forget it. */
export interface OpenConnection {
  accessToken: string
  /** What the `response.secrets` of the manifest took out of the provider's answer. */
  secrets: Record<string, string>
}

/** @since 0.1.0 */
export interface Connections {
  /** Every connection of this organization to this plugin, switched off ones included. */
  list(): Promise<Connection[]>
  /**
   * What the `response.secrets` of the manifest took out of the provider's answer, without the access token: where
   * `context.fetch` adds that, this process never has it.
   * @throws Error when there is no such connection or it was switched off.
   */
  secrets(id: number): Promise<Record<string, string>>
  /** @throws Error when there is no such connection or it was switched off. */
  open(id: number): Promise<OpenConnection>
  /**
   * Says that a connection does not work and what a person can do about it, or with null that it works again. Admins see
   * it in the list of connections and are told once. At most 500 characters are kept.
   * @throws Error when there is no such connection.
   */
  report(id: number, problem: string | null): Promise<void>
}
