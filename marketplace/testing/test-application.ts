import { createTestDatabase } from '@tenon/embedded-postgres/testing'
import type { SeedContext, Sequelize } from '@tenon/sdk'
import { Sequelize as RealSequelize } from 'sequelize'

/** What an application gives the plugins: two organizations, their people, and a risk register for each. */
export interface TestApplication {
  sequelize: Sequelize
  one: Organization
  two: Organization
  close(): Promise<void>
}

export interface Organization {
  organizationId: number
  tenantId: string
}

/** A context that remembers what a plugin said. */
export interface ObservedContext extends SeedContext {
  organizationId: number
  tenantId: string
  progressed: { done: number; total?: number; message?: string }[]
  logged: string[]
}

const SCHEMA = `
  CREATE TYPE enum_projectrisks_ai_lifecycle_phase AS ENUM ('Problem definition & planning',
    'Data collection & processing', 'Model development & training', 'Model validation & testing',
    'Deployment & integration', 'Monitoring & maintenance', 'Decommissioning & retirement');
  CREATE TYPE enum_projectrisks_risk_category AS ENUM ('Strategic risk', 'Operational risk', 'Compliance risk',
    'Financial risk', 'Cybersecurity risk', 'Reputational risk', 'Legal risk', 'Technological risk',
    'Third-party/vendor risk', 'Environmental risk', 'Human resources risk', 'Geopolitical risk', 'Fraud risk',
    'Data privacy risk', 'Health and safety risk');
  CREATE TYPE enum_projectrisks_likelihood AS ENUM ('Rare', 'Unlikely', 'Possible', 'Likely', 'Almost Certain');
  CREATE TYPE enum_projectrisks_likelihood_mitigation AS ENUM ('Rare', 'Unlikely', 'Possible', 'Likely', 'Almost Certain');
  CREATE TYPE enum_projectrisks_severity AS ENUM ('Negligible', 'Minor', 'Moderate', 'Major', 'Catastrophic');
  CREATE TYPE enum_projectrisks_risk_severity AS ENUM ('Negligible', 'Minor', 'Moderate', 'Major', 'Critical');
  CREATE TYPE enum_projectrisks_risk_level_autocalculated AS ENUM ('No risk', 'Low risk', 'Medium risk', 'High risk',
    'Very high risk', 'Very low risk');
  CREATE TYPE enum_projectrisks_current_risk_level AS ENUM ('Very Low risk', 'Low risk', 'Medium risk', 'High risk',
    'Very high risk');
  CREATE TYPE enum_projectrisks_mitigation_status AS ENUM ('Not Started', 'In Progress', 'Completed', 'On Hold',
    'Deferred', 'Canceled', 'Requires review');
  CREATE TABLE published (id serial, name text, payload jsonb);
  CREATE SCHEMA tenon_api;
  CREATE FUNCTION tenon_api.publish(name text, payload jsonb) RETURNS int LANGUAGE sql
    AS 'INSERT INTO public.published (name, payload) VALUES ($1, $2) RETURNING id';
  -- What the application offers to plugins that import: here for one organization, and without the seven days.
  CREATE FUNCTION tenon_api.undo_import(import_id uuid, OUT removed bigint, OUT kept bigint) LANGUAGE plpgsql AS $$
    BEGIN
      DELETE FROM "a4ayc80OGd".risks r WHERE r.import_id = undo_import.import_id AND r.updated_at = r.created_at;
      GET DIAGNOSTICS removed = ROW_COUNT;
      SELECT count(*) INTO kept FROM "a4ayc80OGd".risks r WHERE r.import_id = undo_import.import_id;
    END $$;
  CREATE TABLE users (
    id serial PRIMARY KEY, name varchar(255) NOT NULL, surname varchar(255) NOT NULL,
    email varchar(255) NOT NULL UNIQUE, organization_id int NOT NULL
  );
  CREATE TABLE slack_webhooks (
    id serial PRIMARY KEY, access_token text NOT NULL, scope varchar(255) NOT NULL, user_id int,
    team_name varchar(255) NOT NULL, team_id varchar(255) NOT NULL, channel varchar(255) NOT NULL,
    channel_id varchar(255) NOT NULL, configuration_url varchar(255) NOT NULL, url text NOT NULL,
    is_active boolean NOT NULL DEFAULT true, routing_type text[], updated_at timestamptz NOT NULL DEFAULT now()
  )`

const risksTable = (tenantId: string): string => `
  CREATE SCHEMA "${tenantId}";
  CREATE TABLE "${tenantId}".risks (
    id serial PRIMARY KEY, risk_name varchar(255) NOT NULL, risk_owner int REFERENCES public.users,
    ai_lifecycle_phase enum_projectrisks_ai_lifecycle_phase NOT NULL, risk_description text NOT NULL,
    risk_category enum_projectrisks_risk_category[], impact varchar(255), assessment_mapping text, controls_mapping text,
    likelihood enum_projectrisks_likelihood NOT NULL, severity enum_projectrisks_severity NOT NULL,
    risk_level_autocalculated enum_projectrisks_risk_level_autocalculated, review_notes text,
    mitigation_status enum_projectrisks_mitigation_status, current_risk_level enum_projectrisks_current_risk_level,
    deadline timestamptz, mitigation_plan text, implementation_strategy text,
    mitigation_evidence_document varchar(255), likelihood_mitigation enum_projectrisks_likelihood_mitigation,
    risk_severity enum_projectrisks_risk_severity, final_risk_level varchar(255),
    risk_approval int REFERENCES public.users, approval_status varchar(255), date_of_assessment timestamptz,
    is_demo boolean NOT NULL DEFAULT false, created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT now(), is_deleted boolean NOT NULL DEFAULT false, deleted_at timestamp,
    import_id uuid
  )`

/** Starts a database of its own with the tables that the application gives to plugins. */
export async function startTestApplication(): Promise<TestApplication> {
  const { connection, drop } = await createTestDatabase()
  const { database, user, password, host, port } = connection
  const real = new RealSequelize(database, user, password, { dialect: 'postgres', host, port, logging: false })
  const one = { organizationId: 1, tenantId: 'a4ayc80OGd' }
  const two = { organizationId: 2, tenantId: '1HNeOiZeFu' }
  await real.query(SCHEMA)
  for (const { tenantId } of [one, two]) await real.query(risksTable(tenantId))
  await real.query(`INSERT INTO users (id, name, surname, email, organization_id) VALUES
    (1, 'Ada', 'Okafor', 'ada@one.example', 1), (2, 'Ben, Jr.', 'O''Neill "BJ"', 'ben@one.example', 1),
    (9, 'Zoe', 'Lind', 'zoe@two.example', 2)`)
  return {
    sequelize: real as unknown as Sequelize,
    one,
    two,
    async close() {
      await real.close()
      await drop()
    },
  }
}

/** What plugins have published, oldest first. */
export function publishedIn({
  sequelize,
}: TestApplication): Promise<{ name: string; payload: Record<string, unknown> }[]> {
  return sequelize.query('SELECT name, payload FROM published ORDER BY id', { type: 'SELECT' })
}

/** A context for one organization, with everything that a plugin may use but connections. */
export function contextOf({ sequelize }: TestApplication, organization: Organization): ObservedContext {
  const progressed: ObservedContext['progressed'] = []
  const logged: string[] = []
  const log = (...args: unknown[]): void => void logged.push(args.map(String).join(' '))
  return {
    ...organization,
    sequelize,
    progressed,
    logged,
    signal: new AbortController().signal,
    log: { debug: log, info: log, warn: log, error: log },
    publish: (name, payload) => sequelize.query('SELECT tenon_api.publish($1, $2)', { bind: [name, payload ?? {}] }),
    progress: (done, total, message) =>
      void progressed.push({
        done,
        ...(total === undefined ? {} : { total }),
        ...(message === undefined ? {} : { message }),
      }),
  }
}
