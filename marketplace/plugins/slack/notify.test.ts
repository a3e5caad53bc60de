import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startTestSlack, type TestSlack } from '../../testing/slack-workspaces'
import { startTestApplication, type TestApplication } from '../../testing/test-application'
import {
  notifyControlPolicyChange,
  notifyEvidenceTaskAlert,
  notifyMembershipRoles,
  notifyPolicyReminderStatus,
  notifyProjectOrganization,
  VALID_ROUTING_TYPES,
} from './index'

let application: TestApplication
let slack: TestSlack
beforeAll(async () => {
  application = await startTestApplication()
  slack = await startTestSlack()
})
afterAll(async () => {
  await slack.close()
  await application.close()
})
afterEach(() => application.sequelize.query('TRUNCATE slack_webhooks'))

const notifications = [
  ['Control or policy changes', notifyControlPolicyChange, 'Control or policy changed'],
  ['Evidence and task alerts', notifyEvidenceTaskAlert, 'Evidence or task alert'],
  ['Policy reminders and status', notifyPolicyReminderStatus, 'Policy reminder'],
  ['Membership and roles', notifyMembershipRoles, 'Membership or role changed'],
  ['Projects and organizations', notifyProjectOrganization, 'Project or organization changed'],
] as const

describe('a notification by its own function', () => {
  it.each(notifications)(
    'about "%s" reaches the channels of one person that want it, and no other',
    async (routingType, notify, title) => {
      const wanting = (await slack.connect('general')).opened.secrets.webhook_url ?? ''
      const others = (await slack.connect('research')).opened.secrets.webhook_url ?? ''
      const add = (userId: number, url: string, routing: string[]) =>
        application.sequelize.query(
          `INSERT INTO slack_webhooks (access_token, scope, user_id, team_name, team_id, channel, channel_id,
           configuration_url, url, is_active, routing_type)
         VALUES ('', '', :userId, 'Example', 'T1', 'general', 'C1', '', :url, true, ARRAY[:routing]::text[])`,
          { replacements: { userId, url, routing } },
        )
      await add(1, wanting, [routingType])
      await add(
        1,
        others,
        VALID_ROUTING_TYPES.filter((type) => type !== routingType),
      )
      await add(2, others, [routingType])
      const before = slack.slack.inbox().length
      await notify(1, { name: 'This', action: 'happened' }, application.sequelize)
      const [message, ...more] = slack.slack.inbox().slice(before)
      expect(more).toEqual([])
      expect(message).toMatchObject({ channelName: 'general', text: `${title}: This happened` })
    },
  )
})
