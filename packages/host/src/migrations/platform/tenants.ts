import type { PlatformMigration } from '../migration.js'

/** Who the tenants are, which database roles they have, and what gives those roles their names. */
export const tenantsMigration: PlatformMigration = {
  name: '0001-tenants',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.database_id (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        id bytea NOT NULL
      );
      INSERT INTO tenon.database_id (id)
        VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

      CREATE TABLE tenon.tenants (
        organization_id integer PRIMARY KEY,
        schema text NOT NULL UNIQUE,
        state text NOT NULL CHECK (state IN ('creating', 'active', 'degraded', 'removing')),
        problem text,
        created_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE TABLE tenon.plugin_roles (
        role name PRIMARY KEY,
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id),
        owner_key text NOT NULL,
        login boolean NOT NULL,
        may_publish text[] NOT NULL DEFAULT '{}',
        created_by_installation uuid,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (organization_id, owner_key)
      );

      -- which plugins of a shared role said CREATE TABLE of which table
      CREATE TABLE tenon.created_relations (
        relation oid NOT NULL,
        plugin_key text NOT NULL,
        organization_id integer NOT NULL,
        role name NOT NULL REFERENCES tenon.plugin_roles (role) ON DELETE CASCADE,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (relation, plugin_key)
      );
      CREATE INDEX created_relations_role ON tenon.created_relations (role);

      CREATE TABLE tenon.renamed_relations (
        id bigserial PRIMARY KEY,
        organization_id integer NOT NULL,
        name text NOT NULL,
        renamed_to text NOT NULL,
        role name NOT NULL,
        migration text NOT NULL,
        renamed_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX renamed_relations_organization ON tenon.renamed_relations (organization_id)`)
  },
  async down(client) {
    await client.query(
      'DROP TABLE tenon.renamed_relations, tenon.created_relations, tenon.plugin_roles, tenon.tenants, tenon.database_id',
    )
  },
}
