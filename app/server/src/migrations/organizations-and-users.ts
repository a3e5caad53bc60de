import { roleNames } from '@tenon/contract'
import type { PlatformMigration } from '@tenon/host'
import { quotedList } from './sql.js'

const roleDescriptions = {
  Admin: 'Manages the organization, its people and its plugins',
  Reviewer: 'Reads everything and reviews it',
  Editor: 'Works on risks, models and projects',
  Auditor: 'Reads everything',
}

/** Column facts of organizations, roles and users that plugins rely on, and the state of an organization. */
export const organizationsAndUsersMigration: PlatformMigration = {
  name: '1001-organizations-and-users',
  async up(client) {
    await client.query(`
      CREATE TABLE public.organizations (
        id serial PRIMARY KEY,
        name varchar(255) NOT NULL,
        logo varchar(512),
        slug varchar(50) UNIQUE,
        subscription_id integer,
        onboarding_status varchar(20) DEFAULT 'pending',
        state text NOT NULL DEFAULT 'registering' CHECK (state IN ('registering', 'active', 'deleting')),
        state_changed_at timestamptz NOT NULL DEFAULT now(),
        created_at timestamp NOT NULL DEFAULT now(),
        updated_at timestamp NOT NULL DEFAULT now()
      );
      CREATE INDEX organizations_unfinished ON public.organizations (state) WHERE state <> 'active';

      CREATE TABLE public.roles (
        id serial PRIMARY KEY,
        name varchar(255) NOT NULL UNIQUE,
        description varchar(255) NOT NULL,
        is_demo boolean NOT NULL DEFAULT false
      );
      INSERT INTO public.roles (name, description)
        VALUES ${roleNames.map((name) => `(${quotedList([name, roleDescriptions[name]])})`).join(', ')};

      CREATE TABLE public.users (
        id serial PRIMARY KEY,
        name varchar(255) NOT NULL,
        surname varchar(255) NOT NULL,
        email varchar(255) NOT NULL UNIQUE CHECK (email = lower(email)),
        password_hash varchar(255) NOT NULL,
        role_id integer NOT NULL REFERENCES public.roles (id),
        organization_id integer NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_login timestamptz,
        is_demo boolean NOT NULL DEFAULT false,
        profile_photo_id integer
      );
      CREATE INDEX users_organization ON public.users (organization_id)`)
  },
  async down(client) {
    await client.query('DROP TABLE public.users, public.roles, public.organizations')
  },
}
