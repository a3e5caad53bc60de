import { get } from 'node:https'
import { ApiError, type ApiClient } from './api-client.js'
import { expect } from './expect.js'
import type { Report } from './report.js'
import type { Slack } from './surroundings.js'

/** What each of two channels is told about. */
const channels = {
  'risk-alerts': 'Evidence and task alerts',
  general: 'Projects and organizations',
} as const
type Channel = keyof typeof channels

/** Signs in at Slack once for each channel, and chooses what it is told about. */
export async function connectSlack(api: ApiClient, slack: Slack, report: Report): Promise<void> {
  for (const [channel, routingType] of Object.entries(channels)) {
    const { authorizeUrl } = await api.call<{ authorizeUrl: string }>('POST', '/api/plugins/slack/oauth/start', {})
    const back = await agreeAtSlack(authorizeUrl, channel, slack)
    const connect = { code: back.searchParams.get('code'), state: back.searchParams.get('state') }
    const workspace = await api.call<{ id: number; team_name: string }>(
      'POST',
      '/api/plugins/slack/oauth/connect',
      connect,
    )
    const again = await api.call('POST', '/api/plugins/slack/oauth/connect', connect).catch((error: unknown) => error)
    expect(again instanceof ApiError && again.status === 400, 'a used sign-in was accepted again')
    const change = { routing_type: [routingType] }
    const routed = await api.call<{ routing_type: string[] }>(
      'PATCH',
      `/api/plugins/slack/oauth/workspaces/${workspace.id}`,
      change,
    )
    report(`Connect Slack, #${channel}`, `${workspace.team_name}; told about "${routed.routing_type.join(', ')}"`)
  }
}

/** What a person's browser does: opens the consent page, chooses a channel, agrees, and follows the way back. */
async function agreeAtSlack(authorizeUrl: string, channel: string, { url, caCertificate }: Slack): Promise<URL> {
  expect(authorizeUrl.startsWith(`${url}/oauth/v2/authorize?`), `people would be sent to ${authorizeUrl}`)
  const location = await new Promise<string | undefined>((resolve, reject) => {
    const options = caCertificate === undefined ? {} : { ca: caCertificate }
    const target = `${authorizeUrl}&auto=allow&channel=${channel}`
    get(target, options, (response) => resolve(response.resume().headers.location)).on('error', reject)
  })
  expect(location !== undefined, 'Slack sends nobody back')
  return new URL(location)
}

/** Each message is in the channel that it belongs to, and in no other. */
export async function seeNotifications(api: ApiClient, slack: Slack, report: Report): Promise<void> {
  await api.call('POST', '/api/projects', { project_title: 'Credit scoring', goal: 'Decide faster' })
  await seeIn(slack, 'risk-alerts', /^Risks imported/, report)
  await seeIn(slack, 'general', /^New project/, report)
}

async function seeIn(slack: Slack, channel: Channel, expected: RegExp, report: Report): Promise<void> {
  const message = await slack.waitForMessage(({ text }) => expected.test(text), 15_000)
  const elsewhere = slack.inbox().filter(({ text, channelName }) => expected.test(text) && channelName !== channel)
  expect(message.channelName === channel && elsewhere.length === 0, `"${message.text}" is in #${message.channelName}`)
  report(`Read #${channel}`, `"${message.text}", which no other channel was told`)
}
