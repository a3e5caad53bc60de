import { parsedBody, type Asked, type Reply } from '../exchange.js'
import { html, type Html } from './html.js'
import type { Installations } from './installations.js'
import { page } from './page.js'
import { findChannel, type Channel, type Workspace } from './workspace.js'

export interface AuthorizeOptions {
  readonly clientId: string
  /** Shown on the consent page. */
  readonly appName: string
  /** Where a code may be sent; absent: anywhere. */
  readonly redirectUris?: readonly string[]
  readonly workspaces: readonly Workspace[]
  readonly installations: Installations
}

interface AuthorizeRequest {
  readonly scopes: readonly string[]
  readonly userScopes: readonly string[]
  readonly redirectUri: string
  readonly state: string | undefined
  /** As it came, to go round through the form. */
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * Answers `/oauth/v2/authorize`. GET shows the consent page; its form POSTs `decision` and `channel` (or `team`).
 * For a run without a browser, `auto=allow` or `auto=1` (with `channel` or `team`, else the first) and `auto=cancel`
 * decide at once.
 */
export function createAuthorize(options: AuthorizeOptions): (asked: Asked) => Reply {
  return (asked) => {
    const given = textsOf(asked)
    const request = readRequest(given, options)
    if (typeof request === 'string') return errorPage(request)

    const decision = asked.method === 'POST' ? given.decision : autoDecision(given.auto)
    if (decision === 'cancel') return redirect(request, { error: 'access_denied' })
    if (decision !== 'allow') return consentPage(request, options)

    const target = chooseTarget(given, options.workspaces, request.scopes.includes('incoming-webhook'))
    if (!target) return errorPage('channel_not_found')
    const { scopes, userScopes } = request
    const { redirect_uri: redirectUri } = request.parameters
    const code = options.installations.issueCode({
      ...target,
      scopes,
      userScopes,
      ...(redirectUri && { redirectUri }),
    })
    return redirect(request, { code })
  }
}

/** Slack does not send somebody back to an address that it has not checked, so these are pages and not redirects. */
function readRequest(given: Readonly<Record<string, string>>, options: AuthorizeOptions): AuthorizeRequest | string {
  const { client_id, scope = '', user_scope = '', redirect_uri, state } = given
  if (client_id !== options.clientId) return 'invalid_client_id'
  const redirectUri = redirect_uri || options.redirectUris?.[0]
  if (!redirectUri || !URL.canParse(redirectUri)) return 'bad_redirect_uri'
  if (options.redirectUris && !options.redirectUris.some((allowed) => isBelow(redirectUri, allowed))) {
    return 'bad_redirect_uri'
  }
  const [scopes, userScopes] = [words(scope), words(user_scope)]
  if (scopes.length + userScopes.length === 0) return 'invalid_scope'
  const parameters = Object.fromEntries(
    Object.entries(given).filter(([name]) =>
      ['client_id', 'scope', 'user_scope', 'redirect_uri', 'state'].includes(name),
    ),
  )
  return { scopes, userScopes, redirectUri, state, parameters }
}

/** As Slack does it: same origin, and a path that begins with the registered one. */
function isBelow(address: string, registered: string): boolean {
  const [asked, allowed] = [new URL(address), new URL(registered)]
  return asked.origin === allowed.origin && asked.pathname.startsWith(allowed.pathname)
}

function chooseTarget(
  { channel: wanted, team }: Readonly<Record<string, string>>,
  workspaces: readonly Workspace[],
  needsChannel: boolean,
): { workspace: Workspace; channel?: Channel } | undefined {
  const candidates = workspaces.filter(({ id, name }) => !team || id === team || name === team)
  if (!needsChannel) return candidates[0] && { workspace: candidates[0] }
  for (const workspace of candidates) {
    const channel = wanted ? findChannel(workspace, wanted) : workspace.channels.find(({ isArchived }) => !isArchived)
    if (channel) return { workspace, channel }
  }
  return undefined
}

function redirect({ redirectUri, state }: AuthorizeRequest, result: Readonly<Record<string, string>>): Reply {
  const url = new URL(redirectUri)
  for (const [name, value] of Object.entries(result)) url.searchParams.set(name, value)
  if (state !== undefined) url.searchParams.set('state', state)
  return { status: 302, headers: { location: url.href, 'cache-control': 'no-store' }, body: '' }
}

function consentPage(request: AuthorizeRequest, { appName, workspaces }: AuthorizeOptions): Reply {
  const title = `${appName} asks for access to Slack`
  return page(
    200,
    title,
    html`<h1>${title}</h1>
      <p class="quiet">This is a stand-in for Slack. Nothing leaves this machine.</p>
      <form method="post" action="/oauth/v2/authorize">
        ${Object.entries(request.parameters).map(
          ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
        )}
        <h2>${appName} will be able to</h2>
        <ul>
          ${request.scopes.map((scope) => html`<li><code>${scope}</code></li>`)}${request.userScopes.map(
            (scope) => html`<li><code>${scope}</code> in your name</li>`,
          )}
        </ul>
        ${request.scopes.includes('incoming-webhook') ? channelChoice(appName, workspaces) : workspaceChoice(workspaces)}
        <button class="primary" name="decision" value="allow">Allow</button>
        <button name="decision" value="cancel">Cancel</button>
      </form>`,
  )
}

function channelChoice(appName: string, workspaces: readonly Workspace[]): Html {
  return html`<label for="channel">Where should ${appName} post?</label>
    <select id="channel" name="channel" required>
      ${workspaces.flatMap(({ name, channels }) =>
        channels
          .filter(({ isArchived }) => !isArchived)
          .map(
            ({ id, name: channel, isPrivate }) =>
              html`<option value="${id}">${name}: #${channel}${isPrivate ? ' (private)' : ''}</option>`,
          ),
      )}
    </select>`
}

function workspaceChoice(workspaces: readonly Workspace[]): Html {
  return html`<label for="team">Workspace</label>
    <select id="team" name="team" required>
      ${workspaces.map(({ id, name }) => html`<option value="${id}">${name}</option>`)}
    </select>`
}

function errorPage(error: string): Reply {
  const content = html`<h1>Something went wrong</h1>
    <p>The app sent a request that Slack refuses: <code>${error}</code></p>`
  return page(400, 'Something went wrong', content)
}

function autoDecision(auto: string | undefined): string | undefined {
  return auto === '1' || auto === 'true' ? 'allow' : auto
}

function textsOf(asked: Asked): Readonly<Record<string, string>> {
  const form = Object.entries(parsedBody(asked) ?? {}).map(([name, value]) => [name, String(value)] as const)
  return { ...Object.fromEntries(asked.query), ...Object.fromEntries(form) }
}

function words(list: string): readonly string[] {
  return list.split(/[\s,]+/).filter(Boolean)
}
