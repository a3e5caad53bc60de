export type SlackErrorCode =
  | 'SLACK_RATE_LIMITED'
  | 'SLACK_WEBHOOK_GONE'
  | 'SLACK_CHANNEL_GONE'
  | 'SLACK_TOKEN_INVALID'
  | 'SLACK_REFUSED'
  | 'SLACK_MESSAGE_REFUSED'
  | 'SLACK_UNAVAILABLE'
  | 'SLACK_ADDRESS_INVALID'

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

/** The error for an answer of Slack with this status and word. */
export function errorOfAnswer(status: number, word: string, retryAfterMs?: number): SlackError {
  if (status === 429 || word === 'ratelimited' || word === 'rate_limited') {
    const message = 'Slack asks to send less. The message is tried again later.'
    return new SlackError('SLACK_RATE_LIMITED', message, { retryable: true, ...(retryAfterMs ? { retryAfterMs } : {}) })
  }
  const meaning = Object.prototype.hasOwnProperty.call(MEANINGS, word) ? MEANINGS[word] : undefined
  if (meaning) return new SlackError(...meaning)
  if (status === 404) return new SlackError('SLACK_WEBHOOK_GONE', WEBHOOK_GONE)
  if (status === 410) return new SlackError('SLACK_CHANNEL_GONE', CHANNEL_ARCHIVED)
  if (status === 401 || status === 403) return new SlackError('SLACK_TOKEN_INVALID', TOKEN_INVALID)
  if (status >= 500) return unavailable(`status ${status}`)
  return new SlackError('SLACK_MESSAGE_REFUSED', `Slack did not take the message (status ${status}).`)
}

export function unavailable(reason: string): SlackError {
  return new SlackError('SLACK_UNAVAILABLE', `Slack cannot be reached at the moment (${reason}).`, { retryable: true })
}
