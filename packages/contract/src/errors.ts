/**
 * The one table of everything that can go wrong at a boundary: code → HTTP status and the sentence a person reads.
 * A sentence says what happened and what to do. `{name}` is filled from the error's details.
 */
export const errorTable = {
  // Who you are, and what you may do
  NOT_AUTHENTICATED: { status: 401, sentence: 'User not authenticated' },
  SIGN_IN_REFUSED: { status: 401, sentence: 'The email address or the password is wrong.' },
  SESSION_EXPIRED: { status: 401, sentence: 'Your session has ended. Sign in again.' },
  CSRF_REFUSED: {
    status: 403,
    sentence: 'This request did not come from the page that you signed in on. Reload the page and try again.',
  },
  ROLE_FORBIDDEN: {
    status: 403,
    sentence: 'This needs the role {needed}; you are {role}. Ask an admin of your organization.',
  },
  OPERATOR_ONLY: { status: 403, sentence: 'Only an operator of this installation can do this.' },
  REGISTRATION_CLOSED: {
    status: 403,
    sentence: 'Registration is by invitation here. Ask an admin of your organization to add you.',
  },
  REGISTRATION_LIMIT: {
    status: 429,
    sentence: 'Too many registrations from this address. Try again in {seconds} seconds.',
  },
  LOGIN_LIMIT: { status: 429, sentence: 'Too many sign-in attempts. Try again in {seconds} seconds.' },

  // What was asked
  VALIDATION_FAILED: { status: 400, sentence: '{message}' },
  BODY_NOT_JSON: { status: 400, sentence: 'The body of the request is not valid JSON.' },
  BODY_TOO_LARGE: { status: 413, sentence: 'The body of the request is larger than {limit}.' },
  NOT_FOUND: { status: 404, sentence: '{message}' },
  ROUTE_NOT_FOUND: { status: 404, sentence: 'There is nothing at {method} {path}.' },
  CONFLICT: { status: 409, sentence: '{message}' },
  EMAIL_TAKEN: { status: 409, sentence: 'There is already a user with the address {email}.' },

  // The marketplace and its manifest
  PLUGIN_NOT_FOUND: { status: 404, sentence: 'Plugin not found' },
  UI_NOT_FOUND: { status: 404, sentence: '{plugin} has no pages of its own, or may not show them.' },
  FRAME_GONE: { status: 404, sentence: 'The page of the plugin is no longer at this address. Open it again.' },
  ICON_NOT_FOUND: { status: 404, sentence: '{plugin} has no icon that can be shown.' },
  MARKETPLACE_UNREACHABLE: {
    status: 503,
    sentence:
      'The marketplace at {location} cannot be read ({cause}) and there is no earlier copy of it. Correct what is there, or the setting that names it, and try again.',
  },
  MANIFEST_NOT_JSON: { status: 502, sentence: 'The manifest at {location} is not JSON: {cause}' },
  MANIFEST_INVALID: { status: 502, sentence: 'The manifest at {location} is not a plugin manifest: {cause}' },
  MANIFEST_TOO_LARGE: { status: 502, sentence: 'The manifest at {location} is larger than {limit} bytes.' },
  MANIFEST_REDIRECT_REFUSED: {
    status: 502,
    sentence: 'The manifest at {location} redirects to {target}, which is refused.',
  },
  PLUGIN_NOT_INSTALLABLE: { status: 422, sentence: '{name} cannot be installed here: {reason}' },

  // Artifacts: exact bytes
  ARTIFACT_UNREACHABLE: { status: 502, sentence: 'The code of {plugin} could not be downloaded: {cause}' },
  ARTIFACT_TRUNCATED: {
    status: 502,
    sentence: 'The download of {plugin} ended early: {actual} of {expected} bytes arrived.',
  },
  ARTIFACT_SIZE_MISMATCH: {
    status: 502,
    sentence: 'The package of {plugin} has {actual} bytes, the manifest says {expected}.',
  },
  ARTIFACT_DIGEST_MISMATCH: {
    status: 502,
    sentence:
      'The package of {plugin} is not the one the manifest names: its SHA-256 is {actual}, expected {expected}.',
  },
  ARTIFACT_TOO_LARGE: { status: 502, sentence: 'The package of {plugin} is larger than the limit of {limit} bytes.' },
  ARTIFACT_UNSAFE: { status: 422, sentence: 'The package of {plugin} is refused: {reason}' },
  ARTIFACT_MANIFEST_MISMATCH: {
    status: 422,
    sentence: 'The package of {plugin} declares something else than the marketplace shows: {reason}',
  },
  ARTIFACT_NOT_STORED: {
    status: 500,
    sentence: 'The code of this installation (digest {digest}) is no longer stored. Install the plugin again.',
  },
  SOURCE_REFUSED: { status: 422, sentence: 'The source of {plugin} is refused: {reason}' },
  BUILD_FAILED: { status: 422, sentence: 'The source of {plugin} cannot be built: {reason}' },
  DEPENDENCIES_FAILED: { status: 502, sentence: 'The dependencies of {plugin} could not be installed: {reason}' },

  // Running a plugin
  PLUGIN_PARSE_FAILED: { status: 422, sentence: 'The code of {plugin} does not parse: {reason}' },
  PLUGIN_LOAD_FAILED: { status: 422, sentence: '{plugin} failed while it was loaded: {reason}' },
  PLUGIN_EXPORT_MISSING: { status: 422, sentence: '{plugin} does not export {name}().' },
  PLUGIN_REFUSED: { status: 422, sentence: '{message}' },
  /** The status is the plugin's own. */
  PLUGIN_ANSWERED: { status: 422, sentence: '{message}' },
  PLUGIN_THREW: { status: 422, sentence: '{message}' },
  PLUGIN_RESULT_INVALID: { status: 502, sentence: '{plugin} answered with something that cannot be used: {reason}' },
  PLUGIN_EXITED: { status: 502, sentence: '{plugin} ended its own process (exit code {exitCode}).' },
  PLUGIN_RESTARTED: { status: 503, sentence: '{plugin} was restarted while it worked on this. Try again.' },
  PLUGIN_KILLED: { status: 503, sentence: '{plugin} was stopped: {reason}' },
  PLUGIN_CRASH_LOOP: {
    status: 503,
    sentence:
      '{plugin} has crashed {crashes} times within the hour and is paused. Update it, or start it again from its page.',
  },
  PLUGIN_OVERLOADED: {
    status: 503,
    sentence: '{plugin} did not get its turn in time: too much is waiting. Try again in a few seconds.',
  },
  PLUGIN_BLOCKED: {
    status: 403,
    sentence: '{plugin} is blocked by the operator of this installation: {reason}',
  },
  EVENTS_WAITING: {
    status: 429,
    sentence: 'More than {limit} events of this organization wait to be delivered. Publish again when they have been.',
  },
  CALL_TIMEOUT: { status: 504, sentence: '{plugin} did not answer within {seconds} seconds.' },
  CALL_CANCELLED: { status: 409, sentence: 'The call was cancelled.' },
  PERMISSION_DENIED: { status: 403, sentence: '{plugin} has no permission for this: {permission}' },
  SERVICE_FAILED: { status: 502, sentence: '{message}' },
  CONNECTION_TEST_FAILED: { status: 422, sentence: '{message}' },
  RESULT_TOO_LARGE: { status: 422, sentence: 'A plugin may read or answer at most {limit} at once.' },
  STATEMENT_REFUSED: { status: 422, sentence: 'Plugins may not run this statement: {reason}' },
  STATEMENT_TIMEOUT: { status: 504, sentence: 'A statement took longer than {seconds} seconds and was stopped.' },
  TRANSACTION_TIMEOUT: {
    status: 504,
    sentence: 'A transaction was open for longer than {seconds} seconds and was rolled back.',
  },
  TRANSACTION_IN_THE_WAY: {
    status: 409,
    sentence:
      'A transaction was rolled back, because others had been waiting for what it had locked for longer than {seconds} seconds. Keep transactions short.',
  },
  TOO_MANY_LOCKS: {
    status: 422,
    sentence:
      'A statement or transaction was ended, because it held more than {limit} locks; each table and index that it touches takes one.',
  },
  SESSION_ENDED: { status: 409, sentence: 'The call that this database session belongs to has ended.' },
  TENANT_NOT_FOUND: { status: 404, sentence: 'Organization {organizationId} has no tenant.' },
  DATABASE_ROLE_NOT_FOUND: { status: 404, sentence: '{owner} has no database role in organization {organizationId}.' },
  PERMISSION_NOT_GRANTABLE: {
    status: 422,
    sentence: 'The plugin asks for "{privilege}" on "{table}", which this application does not grant to plugins.',
  },
  DATABASE_BUSY: { status: 503, sentence: 'The database connections of this plugin are all in use. Try again.' },

  // Installations
  INSTALLATION_NOT_FOUND: { status: 404, sentence: 'Plugin installation not found' },
  PLUGIN_NOT_INSTALLED: { status: 404, sentence: '{plugin} is not installed in your organization.' },
  PLUGIN_DISABLED: { status: 409, sentence: '{plugin} is disabled in your organization. An admin can enable it.' },
  ALREADY_THIS_VERSION: { status: 409, sentence: '{plugin} is at version {version} already.' },
  OLDER_VERSION: {
    status: 409,
    sentence:
      'For {plugin} the marketplace has {offered}, which is older than {present}, the installed version. To go back, name the version {offered}.',
  },
  NO_PREVIOUS_VERSION: { status: 409, sentence: 'There is no earlier version to go back to.' },
  CONSENT_NEEDED: {
    status: 409,
    sentence: '{plugin} {version} asks for more than before: {sentences}. Look at it and say what it may have.',
  },
  CONSENT_OUTDATED: {
    status: 409,
    sentence: '{plugin} is no longer what was shown: {changes}. Look at what it asks for now, and decide again.',
  },
  ALREADY_INSTALLED: { status: 409, sentence: 'Plugin is already installed' },
  INSTALLATION_BUSY: {
    status: 409,
    sentence: '{plugin} is being changed right now ({status}). Try again in a moment.',
  },
  STATUS_CHANGE_REFUSED: { status: 409, sentence: 'An installation that is {from} cannot become {to}.' },
  TAIL_LIMIT: {
    status: 429,
    sentence: 'Your organization follows {limit} logs already. Close one of them first.',
  },
  INSTALL_LIMIT: {
    status: 429,
    sentence: 'Too many plugin installation requests from this IP, please try again after an hour.',
  },
  REQUEST_NOT_FOUND: { status: 404, sentence: 'There is no such request for a plugin.' },
  REQUEST_OVER: { status: 409, sentence: 'This request has ended already: it was {state}.' },
  REQUEST_LIMIT: {
    status: 429,
    sentence:
      '{limit} of your requests for plugins are open already. Withdraw one, or wait until an admin has answered.',
  },
  CONFIGURATION_INVALID: { status: 422, sentence: 'The configuration is not valid: {reasons}' },
  CONFIGURATION_OUTDATED: {
    status: 409,
    sentence:
      'The configuration of {plugin} was changed since you looked at it. Look at what is saved now, and save again.',
  },
  CONFIGURATION_MISSING: {
    status: 422,
    sentence: '{plugin} is not configured yet. Open its page and fill in the configuration.',
  },
  INTERRUPTED: {
    status: 503,
    sentence: 'The server was stopped in the middle of this. What had been done was undone; try again.',
  },

  // Files that people send
  UPLOAD_NOT_FOUND: {
    status: 404,
    sentence: 'There is no such upload, or not any more: files are kept for a day. Send the file again.',
  },
  UPLOADS_FULL: {
    status: 429,
    sentence:
      'The files that plugins of your organization are working on take {limit} together, which is all there is. Try again when one of them is done.',
  },

  // Long work
  RUN_NOT_FOUND: { status: 404, sentence: 'Run not found' },
  RUN_OVER: { status: 409, sentence: 'This run has ended already ({state}).' },
  RUN_NOT_OVER: { status: 409, sentence: 'This run has not ended yet ({state}).' },
  RUN_NOT_REPEATABLE: {
    status: 409,
    sentence: 'What this run worked on is no longer kept. Start it again where you started it.',
  },
  RUN_INTERRUPTED: {
    status: 503,
    sentence: 'The server was stopped while this was at work, and nobody knows how far it came.',
  },
  RUN_STOPS_SERVERS: {
    status: 503,
    sentence: 'The server was stopped {count} times while this was at work, so it is not begun again.',
  },
  RUN_ANSWER_NOT_KEPT: {
    status: 500,
    sentence: 'This was done, but its answer of {size} could not be kept for you. What it counted is with its run.',
  },
  RUN_LIMIT: {
    status: 429,
    sentence:
      'More than {limit} runs of this organization wait for their turn. Try again when some of them have ended.',
  },
  STREAM_LIMIT: {
    status: 429,
    sentence: 'Your organization listens to {limit} streams on this server already. Close one of them first.',
  },

  // Connections
  CONNECTION_NEEDS_REAUTH: {
    status: 409,
    sentence: '{provider} no longer accepts the sign-in of {account}. An admin has to connect it again.',
  },
  CONNECTION_NOT_DECLARED: { status: 404, sentence: '{plugin} does not connect to another service.' },
  CONNECTION_NOT_CONFIGURED: {
    status: 422,
    sentence: 'The operator has not set up {provider} here: {missing} is missing.',
  },
  CONNECTION_NOT_FOUND: { status: 404, sentence: 'Connection not found' },
  CONNECTION_SWITCHED_OFF: {
    status: 409,
    sentence: '{account} is switched off for {plugin}. An admin can switch it on among its connections.',
  },
  OAUTH_STATE_INVALID: {
    status: 400,
    sentence: 'This sign-in was not started here, was used before, or is older than ten minutes. Start it again.',
  },
  OAUTH_EXCHANGE_FAILED: { status: 502, sentence: '{provider} did not accept the sign-in: {reason}' },

  // The platform itself
  EGRESS_REFUSED: { status: 502, sentence: 'A request to {target} is refused: {reason}' },
  EGRESS_FAILED: { status: 502, sentence: 'A request to {target} failed: {reason}' },
  SEALED_VALUE_UNREADABLE: {
    status: 500,
    sentence: 'A stored secret cannot be opened with the present TENON_SECRET_KEY.',
  },
  DATABASE_UNAVAILABLE: {
    status: 503,
    sentence: 'The database takes no more work at the moment. Try again in a moment.',
  },
  SHUTTING_DOWN: { status: 503, sentence: 'The server is stopping. Try again in a moment.' },
  NOT_READY: { status: 503, sentence: 'The server does not take requests yet: {reason}' },
  INTERNAL: {
    status: 500,
    sentence: 'Something went wrong on our side. Give the request id to the operator: {requestId}',
  },
} as const satisfies Record<string, { status: number; sentence: string }>

export type ErrorCode = keyof typeof errorTable

/** Values that fill a sentence and travel in the answer; never secrets. */
export type ErrorDetails = Record<string, unknown>

/**
 * Every error that Tenon throws on purpose. `message` is the sentence from {@link errorTable}, filled in.
 *
 * @since 0.1.0
 */
export class TenonError extends Error {
  override readonly name: string = 'TenonError'
  readonly code: ErrorCode
  readonly status: number
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, options: { cause?: unknown } = {}) {
    super(fillSentence(errorTable[code].sentence, details), options)
    this.code = code
    this.status = errorTable[code].status
    this.details = details
  }
}

/** S26: an input that is wrong, with the field and the value that was sent. */
export class ValidationException extends TenonError {
  override readonly name = 'ValidationException'
  readonly metadata: { field: string | undefined; value: unknown }

  constructor(message: string, field?: string, value?: unknown) {
    super('VALIDATION_FAILED', { message, ...(field === undefined ? {} : { field }) })
    this.metadata = { field, value }
  }
}

/** S26: something that is not there, with what was looked for. */
export class NotFoundException extends TenonError {
  override readonly name = 'NotFoundException'
  readonly metadata: { resource: string | undefined; identifier: unknown }

  constructor(message: string, resource?: string, identifier?: unknown) {
    super('NOT_FOUND', { message, ...(resource === undefined ? {} : { resource, identifier }) })
    this.metadata = { resource, identifier }
  }
}

/** True for an error of Tenon's own, optionally with exactly this code. */
export function isTenonError(error: unknown, code?: ErrorCode): error is TenonError {
  return error instanceof TenonError && (code === undefined || error.code === code)
}

function fillSentence(sentence: string, details: ErrorDetails): string {
  return sentence.replace(/\{(\w+)\}/g, (placeholder, name: string) =>
    details[name] === undefined ? placeholder : String(details[name]),
  )
}
