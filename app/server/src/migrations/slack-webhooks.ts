import { type PlatformMigration, sameOrganizationTrigger } from '@tenon/host'

/**
 * For plugins written for the system that Tenon's contract comes from; our own Slack plugin keeps nothing here. A row
 * belongs to the organization and the database role that wrote it, so a plugin need not (and cannot) say whose it is.
 */
export const slackWebhooksMigration: PlatformMigration = {
  name: '1003-slack-webhooks',
  async up(client) {
    await client.query(`
      CREATE TABLE public.slack_webhooks (
        id serial PRIMARY KEY,
        access_token text NOT NULL,
        scope varchar(255) NOT NULL,
        user_id integer REFERENCES public.users (id) ON UPDATE CASCADE ON DELETE SET NULL,
        team_name varchar(255) NOT NULL,
        team_id varchar(255) NOT NULL,
        channel varchar(255) NOT NULL,
        channel_id varchar(255) NOT NULL,
        configuration_url varchar(255) NOT NULL,
        url text NOT NULL,
        is_active boolean NOT NULL DEFAULT true,
        routing_type text[],
        organization_id integer NOT NULL DEFAULT public.current_org()
          REFERENCES public.organizations (id) ON DELETE CASCADE,
        owner_role name NOT NULL DEFAULT session_user,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX slack_webhooks_team_id ON public.slack_webhooks (team_id);
      CREATE INDEX slack_webhooks_channel_id ON public.slack_webhooks (channel_id);
      CREATE INDEX slack_webhooks_is_active ON public.slack_webhooks (is_active);
      CREATE INDEX slack_webhooks_organization ON public.slack_webhooks (organization_id);
      CREATE INDEX slack_webhooks_user ON public.slack_webhooks (user_id);
      ${sameOrganizationTrigger('public', 'slack_webhooks', ['user_id'])}`)
  },
  async down(client) {
    await client.query('DROP TABLE public.slack_webhooks')
  },
}
