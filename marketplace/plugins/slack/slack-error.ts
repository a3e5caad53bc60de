export type SlackErrorCode =
  | 'SLACK_RATE_LIMITED'
  | 'SLACK_WEBHOOK_GONE'
  | 'SLACK_CHANNEL_GONE'
  | 'SLACK_TOKEN_INVALID'
  | 'SLACK_REFUSED'
  | 'SLACK_MESSAGE_REFUSED'
  | 'SLACK_UNAVAILABLE'
  | 'SLACK_TIMEOUT'
  | 'SLACK_ADDRESS_INVALID'
  | 'SLACK_NOT_ALLOWED'

/** Why Slack did not take something, for an admin who can do something about it. */
export class SlackError extends Error {
  readonly code: SlackErrorCode
  /** Whether the same request may succeed later. */
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined

  /** Whether it is the connection that a person has to do something about, whatever was sent. */
  get isOfConnection(): boolean {
    return !this.retryable && this.code !== 'SLACK_MESSAGE_REFUSED'
  }

  constructor(code: SlackErrorCode, message: string, options: { retryable?: boolean; retryAfterMs?: number } = {}) {
    super(message)
    this.name = 'SlackError'
    this.code = code
    this.retryable = options.retryable ?? false
    this.retryAfterMs = options.retryAfterMs
  }
}

type RouteStatus = 422 | 429 | 500 | 502 | 504

/** What passes by itself, and what this plugin did wrong; for all others an admin has to change something. */
const STATUSES: Partial<Record<SlackErrorCode, RouteStatus>> = {
  SLACK_RATE_LIMITED: 429,
  SLACK_MESSAGE_REFUSED: 500,
  SLACK_UNAVAILABLE: 502,
  SLACK_TIMEOUT: 504,
}

/** The status of a route that failed so: of several failures, that of the one for which somebody has to do something. */
export function routeStatusOf(errors: readonly unknown[]): RouteStatus {
  const statuses = errors.map((error) => (error instanceof SlackError ? (STATUSES[error.code] ?? 422) : 500))
  return ([422, 500] as const).find((status) => statuses.includes(status)) ?? statuses[0] ?? 500
}

const WEBHOOK_GONE = 'The webhook was removed in Slack. Sign in again for this connection.'
const CHANNEL_ARCHIVED = 'The channel was archived. Unarchive it in Slack, or connect another channel.'
const CHANNEL_NOT_FOUND = 'The channel no longer exists. Connect another channel.'
const TOKEN_INVALID = 'Slack no longer accepts this connection. Sign in again for it.'

/** Slack's own words, of the Web API and of webhooks. A word that is not listed is not shown. */
const MEANINGS: Record<string, [SlackErrorCode, string]> = {
  no_service: ['SLACK_WEBHOOK_GONE', WEBHOOK_GONE],
  no_active_hooks: ['SLACK_WEBHOOK_GONE', WEBHOOK_GONE],
  no_team: ['SLACK_WEBHOOK_GONE', 'The Slack workspace no longer exists.'],
  team_disabled: ['SLACK_WEBHOOK_GONE', 'The Slack workspace is disabled.'],
  channel_not_found: ['SLACK_CHANNEL_GONE', CHANNEL_NOT_FOUND],
  channel_is_archived: ['SLACK_CHANNEL_GONE', CHANNEL_ARCHIVED],
  is_archived: ['SLACK_CHANNEL_GONE', CHANNEL_ARCHIVED],
  not_in_channel: ['SLACK_REFUSED', 'The app is not in the channel. Invite it there: /invite @<name of the app>'],
  method_not_supported_for_channel_type: [
    'SLACK_REFUSED',
    'The channel is private, so the app cannot join it by itself. Invite it there: /invite @<name of the app>',
  ],
  action_prohibited: ['SLACK_REFUSED', 'An admin of the Slack workspace does not allow this.'],
  restricted_action: ['SLACK_REFUSED', 'An admin of the Slack workspace does not allow this.'],
  posting_to_general_channel_denied: ['SLACK_REFUSED', 'The workspace does not let apps post to #general.'],
  missing_scope: ['SLACK_REFUSED', 'The app was not given this permission. Connect the workspace again.'],
  invalid_token: ['SLACK_TOKEN_INVALID', TOKEN_INVALID],
  invalid_auth: ['SLACK_TOKEN_INVALID', TOKEN_INVALID],
  not_authed: ['SLACK_TOKEN_INVALID', TOKEN_INVALID],
  token_revoked: ['SLACK_TOKEN_INVALID', TOKEN_INVALID],
  token_expired: ['SLACK_TOKEN_INVALID', TOKEN_INVALID],
  account_inactive: ['SLACK_TOKEN_INVALID', TOKEN_INVALID],
}

/** Words for what passes by itself; the Web API says them with status 200. */
const PASSING: ReadonlySet<string> = new Set([
  'fatal_error',
  'internal_error',
  'request_timeout',
  'rollup_error',
  'service_unavailable',
  'team_added_to_org',
])

/** The error for an answer of Slack with this status and word. */
export function errorOfAnswer(status: number, word: string, retryAfterMs?: number): SlackError {
  if (status === 429 || word === 'ratelimited' || word === 'rate_limited') {
    const again = retryAfterMs === undefined ? 'later' : `in ${Math.ceil(retryAfterMs / 1000)} seconds`
    const message = `Slack asks to send less. It takes messages again ${again}.`
    return new SlackError('SLACK_RATE_LIMITED', message, { retryable: true, ...(retryAfterMs ? { retryAfterMs } : {}) })
  }
  const meaning = Object.prototype.hasOwnProperty.call(MEANINGS, word) ? MEANINGS[word] : undefined
  if (meaning) return new SlackError(...meaning)
  if (status === 404) return new SlackError('SLACK_WEBHOOK_GONE', WEBHOOK_GONE)
  if (status === 410) return new SlackError('SLACK_CHANNEL_GONE', CHANNEL_ARCHIVED)
  if (status === 401 || status === 403) return new SlackError('SLACK_TOKEN_INVALID', TOKEN_INVALID)
  if (word === 'request_timeout') return unavailable(word, 'SLACK_TIMEOUT')
  if (PASSING.has(word)) return unavailable(word)
  if (status >= 500) return unavailable(`status ${status}`)
  return new SlackError('SLACK_MESSAGE_REFUSED', `Slack did not take the message (status ${status}).`)
}

/** Whether Slack says with this word that it failed, whatever the status. */
export function meansFailure(word: string): boolean {
  return Object.prototype.hasOwnProperty.call(MEANINGS, word) || PASSING.has(word)
}

/** The error for an answer with status 200 that is not one of Slack, such as the page of something in between. */
export function errorOfForeignAnswer(): SlackError {
  return unavailable('the answer is not one of Slack')
}

/** The error for a request that did not come to an answer. */
export function errorOfRequest(error: unknown): SlackError {
  const cause = error instanceof Error ? (error as { cause?: unknown }).cause : undefined
  const refusal = [error, cause].find(isRefusalOfHost)
  if (refusal) return new SlackError('SLACK_NOT_ALLOWED', refusal.message)
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined
  return unavailable(typeof code === 'string' ? code : 'the connection failed')
}

export function timedOut(seconds: number): SlackError {
  return unavailable(`no answer within ${seconds} s`, 'SLACK_TIMEOUT')
}

/** What an admin has to change; the host says what in its own sentence. */
const REFUSALS_OF_HOST: ReadonlySet<string> = new Set([
  'CONNECTION_NEEDS_REAUTH',
  'CONNECTION_NOT_CONFIGURED',
  'CONNECTION_NOT_FOUND',
  'CONNECTION_SWITCHED_OFF',
  'EGRESS_REFUSED',
])

function isRefusalOfHost(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const { code } = error as NodeJS.ErrnoException
  return error.name === 'PermissionDenied' || REFUSALS_OF_HOST.has(code ?? '')
}

function unavailable(reason: string, code: SlackErrorCode = 'SLACK_UNAVAILABLE'): SlackError {
  return new SlackError(code, `Slack cannot be reached at the moment (${reason}).`, { retryable: true })
}
