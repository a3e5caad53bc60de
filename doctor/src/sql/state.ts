import type pg from 'pg'
import type { GroundTenant } from '../ground.js'

/** What is not the attacker's, part by part, as digests. */
export type State = Record<string, string>

interface Parties {
  attacker: GroundTenant
  victim: GroundTenant
  role: string
  victimRole: string
}

/** Reads everything that an attack might change and must not. One round trip, bounded by what two organizations have. */
export async function readState(pool: pg.Pool, { attacker, victim, role, victimRole }: Parties): Promise<State> {
  const rowsOf = (table: string, where = 'true') =>
    `(SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM ${table} t WHERE ${where})`
  const own = `"${attacker.schema}"`
  const theirs = `"${victim.schema}"`
  const watched = `('public', 'tenon', 'tenon_api', 'tenon_queue', 'tenon_hardening', 'pg_catalog', 'information_schema', '${victim.schema}')`
  const ownedBy = (catalog: string, owner: string, name: string) =>
    `(SELECT coalesce(string_agg(${name}::text, ', '), '') FROM ${catalog} WHERE pg_get_userbyid(${owner}) = '${role}')`
  const parts: Record<string, string> = {
    'risks of the victim': rowsOf(`${theirs}.risks`),
    'projects of the victim': rowsOf(`${theirs}.projects`),
    'files of the victim': rowsOf(`${theirs}.files`),
    'installations of the victim': rowsOf(`${theirs}.plugin_installations`),
    'sequences of the victim': `(SELECT last_value || ' ' || is_called FROM ${theirs}.risks_id_seq)`,
    'users of the victim': rowsOf('public.users', `t.organization_id = ${victim.organizationId}`),
    'users of the attacker': rowsOf('public.users', `t.organization_id = ${attacker.organizationId}`),
    'webhooks of others': rowsOf(
      'public.slack_webhooks',
      `t.organization_id IN (${victim.organizationId}, ${attacker.organizationId}) AND t.owner_role <> '${role}'`,
    ),
    'webhooks with odd numbers': `(SELECT count(*)::text FROM public.slack_webhooks WHERE id >= 2000000000)`,
    'installations of the attacker': rowsOf(`(SELECT id, plugin_key, status FROM ${own}.plugin_installations)`),
    'tenants and roles': `(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (
        SELECT organization_id, schema, state, NULL AS role FROM tenon.tenants
        WHERE organization_id IN (${victim.organizationId}, ${attacker.organizationId})
        UNION ALL SELECT organization_id, owner_key, login::text, role FROM tenon.plugin_roles
        WHERE organization_id IN (${victim.organizationId}, ${attacker.organizationId})) t)`,
    'work that waits': rowsOf(
      'tenon_queue._private_jobs',
      `t.flags ?| ARRAY['organization ${victim.organizationId}', 'organization ${attacker.organizationId}']`,
    ),
    'events of the victim': `(SELECT count(*)::text FROM tenon.outbox WHERE organization_id = ${victim.organizationId})`,
    'structure and grants': `(SELECT md5(string_agg(concat_ws(' ', c.oid, n.nspname, c.relname, c.relowner, c.relacl, c.relrowsecurity,
          c.relhastriggers, c.relnatts, obj_description(c.oid, 'pg_class')), '|' ORDER BY c.oid))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ${watched}
          OR (n.nspname = '${attacker.schema}' AND pg_get_userbyid(c.relowner) <> '${role}'))`,
    'grants on schemas': `(SELECT md5(string_agg(concat_ws(' ', nspname, nspowner, nspacl), '|' ORDER BY oid)) FROM pg_namespace
        WHERE nspname IN ${watched} OR nspname = '${attacker.schema}')`,
    'functions outside the catalog': `(SELECT md5(string_agg(concat_ws(' ', p.oid, p.proname, p.prosrc, p.proacl, p.prosecdef), '|' ORDER BY p.oid))
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('public', 'tenon', 'tenon_api', 'tenon_queue', 'tenon_hardening', '${victim.schema}'))`,
    'functions of the attacker': ownedBy('pg_proc', 'proowner', 'proname'),
    'schemas of the attacker': ownedBy('pg_namespace', 'nspowner', 'nspname'),
    'tables of the attacker elsewhere': `(SELECT coalesce(string_agg(c.oid::regclass::text, ', '), '') FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE pg_get_userbyid(c.relowner) = '${role}' AND n.nspname NOT IN ('${attacker.schema}', 'pg_toast'))`,
    'operators of the attacker': ownedBy('pg_operator', 'oprowner', 'oprname'),
    'collations and conversions of the attacker': `concat(${ownedBy('pg_collation', 'collowner', 'collname')}, ${ownedBy('pg_conversion', 'conowner', 'conname')})`,
    'extensions, servers and publications': `(SELECT count(*) FROM pg_extension) + (SELECT count(*) FROM pg_foreign_server)
        + (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_language)
        + (SELECT count(*) FROM pg_foreign_data_wrapper)`,
    casts: '(SELECT count(*) FROM pg_cast)',
    policies: `(SELECT md5(string_agg(concat_ws(' ', polname, polrelid, polqual, polwithcheck), '|' ORDER BY oid)) FROM pg_policy
        WHERE polrelid NOT IN (SELECT c.oid FROM pg_class c WHERE pg_get_userbyid(c.relowner) = '${role}'))`,
    triggers: `(SELECT md5(string_agg(concat_ws(' ', tgname, tgenabled), '|' ORDER BY t.oid)) FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('public', 'tenon', '${victim.schema}', '${attacker.schema}') AND pg_get_userbyid(c.relowner) <> '${role}')`,
    'rights of the attacker': `(SELECT concat_ws(' ', rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
          rolbypassrls, rolconnlimit) FROM pg_roles WHERE rolname = '${role}')`,
    'rights of the victim': `(SELECT concat_ws(' ', rolcanlogin, rolconnlimit, rolconfig) FROM pg_roles WHERE rolname = '${victimRole}')`,
    'memberships of the attacker': `(SELECT md5(string_agg(concat_ws(' ', roleid, member, admin_option), '|' ORDER BY roleid, member)) FROM pg_auth_members
        WHERE member = '${role}'::regrole OR roleid = '${role}'::regrole)`,
    'settings of others': `(SELECT coalesce(md5(string_agg(s::text, '|' ORDER BY s::text)), '') FROM pg_db_role_setting s
        WHERE setrole <> '${role}'::regrole AND (setrole = 0 OR setrole = '${victimRole}'::regrole))`,
    database: `(SELECT concat_ws(' ', datname, datacl, datconnlimit, datallowconn, shobj_description(oid, 'pg_database'))
        FROM pg_database WHERE datname = current_database())`,
    'prepared transactions': '(SELECT count(*) FROM pg_prepared_xacts)',
    'replication slots': '(SELECT count(*) FROM pg_replication_slots)',
  }
  const list = Object.values(parts).map((sql) => `(${sql})::text`)
  const { rows } = await pool.query<{ values: (string | null)[] }>(`SELECT ARRAY[${list.join(', ')}] AS values`)
  const values = rows[0]?.values ?? []
  return Object.fromEntries(Object.keys(parts).map((name, at) => [name, values[at] ?? '']))
}

/** The names of the parts that differ. */
export function changesBetween(before: State, after: State): string[] {
  return Object.keys(after).filter((name) => before[name] !== after[name])
}
