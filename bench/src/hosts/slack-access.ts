import { get } from 'node:https'
import { parseHostMap, type PluginHostOptions } from '@tenon/host'

/** Where Slack is played, and what it asks of an app. */
export interface SlackAccess {
  clientId: string
  clientSecret: string
  /** `host:port`. */
  at: string
  caCertificate: string
}

/** What an operator sets up so that organizations can connect their workspaces. */
export function connectionsAt({ clientId, clientSecret }: SlackAccess) {
  return {
    slack: {
      clientId,
      clientSecret,
      authorizeUrl: 'https://slack.com/oauth/v2/authorize',
      tokenUrl: 'https://slack.com/api/oauth.v2.access',
      audience: ['slack.com', 'hooks.slack.com'],
    },
  }
}

/** The names of Slack lead to whoever plays it. */
export function egressTo({ at, caCertificate }: SlackAccess): NonNullable<PluginHostOptions['egress']> {
  const hostMap = parseHostMap(`slack.com=${at},hooks.slack.com=${at}`)
  return { hostMap, extraCa: [caCertificate] }
}

/** What the person does whose browser is sent to Slack; where it is sent back to. */
export async function agreeAt(slack: SlackAccess, authorizeUrl: string, channel: string): Promise<URL> {
  const { pathname, searchParams } = new URL(authorizeUrl)
  searchParams.set('auto', 'allow')
  searchParams.set('channel', channel)
  const location = await new Promise<string | undefined>((resolve, reject) => {
    get(`https://${slack.at}${pathname}?${searchParams}`, { ca: slack.caCertificate }, (answer) => {
      answer.resume()
      resolve(answer.headers.location)
    }).on('error', reject)
  })
  return new URL(location ?? '', 'http://nowhere.invalid')
}
