/** Stable reasons why the embedded server could not be started; the message says what to do. */
export type EmbeddedPostgresErrorCode =
  | 'ACCOUNT_MISSING'
  | 'CREDENTIALS_UNREADABLE'
  | 'DATA_DIR_IN_USE'
  | 'DATA_DIR_NOT_WRITABLE'
  | 'DATA_DIR_UNREACHABLE'
  | 'INITDB_FAILED'
  | 'MAJOR_VERSION_DIFFERS'
  | 'ORPHAN_WILL_NOT_STOP'
  | 'PLATFORM_UNSUPPORTED'
  | 'SOCKET_PATH_TOO_LONG'
  | 'START_FAILED'

/** The only error type that this package throws on purpose. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'

  constructor(
    readonly code: EmbeddedPostgresErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
