import type {
  ConfigureResult,
  Connection,
  InstallResult,
  PluginEvent,
  PluginMetadata,
  RouteRequest,
  Router,
  SeedContext,
  TestConnectionResult,
  UninstallResult,
  ValidationResult,
} from '@tenon/sdk'

// A plugin that connects accounts of another service and tells them what happens here.
// The host keeps the accounts and their tokens, shows the form of their settings, and adds the token to each request.

/** Where messages go. Must be among the hosts of the entry, and in the audience that the operator allows. */
const MESSAGES_URL = 'https://api.example.com/messages'

export const metadata: PluginMetadata = {
  name: 'Team Chat',
  version: '1.0.0',
  author: 'Tenon',
  description: 'Tells a team chat what happens in the risk register',
}

export function install(): Promise<InstallResult> {
  return Promise.resolve({ success: true, message: 'Team Chat is installed. Connect an account next.' })
}

/** The host takes connections back itself. */
export function uninstall(): Promise<UninstallResult> {
  return Promise.resolve({ success: true, message: 'Team Chat is uninstalled.' })
}

export function validateConfig(config: Record<string, unknown> | null): ValidationResult {
  const greeting = config?.greeting
  const valid = greeting === undefined || typeof greeting === 'string'
  return { valid, errors: valid ? [] : ['Greeting must be text'] }
}

export function configure(
  _userId: number,
  _tenantId: string,
  config: Record<string, unknown>,
  _context: SeedContext,
): Promise<ConfigureResult> {
  const { valid, errors } = validateConfig(config)
  return Promise.resolve({ success: valid, message: valid ? 'Saved.' : errors.join('; ') })
}

export async function testConnection(
  _config: Record<string, unknown>,
  context?: SeedContext,
): Promise<TestConnectionResult> {
  const accounts = await activeAccounts(context)
  const success = accounts.length > 0
  return { success, message: success ? `${accounts.length} connected.` : 'No account is connected yet.' }
}

/** Why an account was not told. The host delivers an event again, unless it is in vain. */
class SendError extends Error {
  constructor(
    message: string,
    readonly retryable: boolean,
  ) {
    super(message)
  }
}

/** Called for each event of the entry, at least once. What it throws is tried again, unless `retryable` is false. */
export async function onEvent(event: PluginEvent, context: SeedContext): Promise<void> {
  const wanting = (await activeAccounts(context)).filter(({ settings }) => wants(settings.events, event.name))
  for (const account of wanting) await send(account, `${event.name} (${event.id})`, context)
}

export const router: Router = {
  'POST /test-message': async (request: RouteRequest) => {
    const accounts = await activeAccounts(request)
    if (accounts.length === 0) return { status: 409, data: 'No account is switched on.' }
    try {
      for (const account of accounts) await send(account, 'This is a test.', request)
    } catch (error) {
      if (!(error instanceof SendError)) throw error
      // 422 for what somebody has to change; 502 for what passes.
      return { status: error.retryable ? 502 : 422, data: error.message }
    }
    return { data: { success: true, sent: accounts.length } }
  },
}

async function activeAccounts(context: SeedContext | undefined): Promise<Connection[]> {
  const all = (await context?.connections?.list()) ?? []
  return all.filter(({ isActive }) => isActive)
}

function wants(chosen: unknown, event: string): boolean {
  return Array.isArray(chosen) ? chosen.includes(event) : event === 'risk.created'
}

/** The token is added by the host, and never comes here. */
async function send(account: Connection, text: string, context: SeedContext): Promise<void> {
  const greeting = typeof context.configuration?.greeting === 'string' ? context.configuration.greeting : 'Hello'
  const answer = await context.fetch?.(MESSAGES_URL, {
    connection: account.id,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ channel: account.details.channel, text: `${greeting}: ${text}` }),
  })
  if (answer?.ok) return
  const status = answer?.status ?? 0
  // What the service said is not repeated: it may hold what only the account may see.
  throw new SendError(`${account.account.name} could not be reached (${status}).`, status === 429 || status >= 500)
}
