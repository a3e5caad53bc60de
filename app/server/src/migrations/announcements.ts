import type { PlatformMigration } from '@tenon/host'

/** A register whose changes other parts, plugins among them, can hear of. */
export interface Announced {
  /** First word of the event: `risk.created`. */
  noun: string
  table: string
  nameColumn: string
  /** Rows are marked as deleted in this column instead of being removed. */
  deletedColumn?: string
  /** Names the import that a row came with: rows of one import say so, whoever hears of them. */
  importColumn?: string
}

export const announced: readonly Announced[] = [
  { noun: 'risk', table: 'risks', nameColumn: 'risk_name', deletedColumn: 'is_deleted', importColumn: 'import_id' },
  { noun: 'project', table: 'projects', nameColumn: 'project_title' },
  { noun: 'model', table: 'model_inventories', nameColumn: 'model' },
]

/** Most ids and names that one event carries; `count` is always the whole number. */
const maxIds = 100
const maxNames = 5

/**
 * One outbox row for each statement, whoever ran it: an import of 1,000 risks is one event. The functions run as their
 * owner, because a plugin's role may add risks but not write to the outbox.
 */
export const announcementsMigration: PlatformMigration = {
  name: '1004-announcements',
  async up(client) {
    await client.query(announced.flatMap((register) => functionsOf(register)).join('\n'))
  },
  async down(client) {
    const names = announced.flatMap(({ table }) => changes.map((change) => `public.announce_${table}_${change}()`))
    await client.query(`DROP FUNCTION ${names.join(', ')}`)
  },
}

const changes = ['insert', 'update', 'delete'] as const

/** The triggers of one register in the schema of one tenant. */
export function announcementTriggers(schema: string, table: string, organizationId: number): string {
  const transitionTables = {
    insert: 'NEW TABLE AS new_rows',
    update: 'OLD TABLE AS old_rows NEW TABLE AS new_rows',
    delete: 'OLD TABLE AS old_rows',
  }
  return changes
    .map(
      (change) => `
      CREATE TRIGGER announce_${change} AFTER ${change.toUpperCase()} ON "${schema}".${table}
        REFERENCING ${transitionTables[change]}
        FOR EACH STATEMENT EXECUTE FUNCTION public.announce_${table}_${change}(${organizationId});`,
    )
    .join('')
}

function functionsOf(register: Announced): string[] {
  const { noun, table, deletedColumn } = register
  const announce = (event: string, rows: string) => announcement(register, `${noun}.${event}`, rows)
  const updated = deletedColumn
    ? announce('updated', `(SELECT n.* FROM new_rows n WHERE NOT n.${deletedColumn})`) +
      announce(
        'deleted',
        `(SELECT n.* FROM new_rows n JOIN old_rows o USING (id) WHERE n.${deletedColumn} AND NOT o.${deletedColumn})`,
      )
    : announce('updated', 'new_rows')
  const removed = deletedColumn ? `(SELECT * FROM old_rows o WHERE NOT o.${deletedColumn})` : 'old_rows'
  return [
    triggerFunction(`announce_${table}_insert`, announce('created', 'new_rows')),
    triggerFunction(`announce_${table}_update`, updated),
    triggerFunction(`announce_${table}_delete`, announce('deleted', removed)),
  ]
}

function announcement({ nameColumn, importColumn }: Announced, event: string, rows: string): string {
  const oneImport = importColumn
    ? ` || (SELECT CASE WHEN count(*) = count(r.${importColumn}) AND count(DISTINCT r.${importColumn}) = 1
              THEN jsonb_build_object('importId', min(r.${importColumn}::text)) ELSE '{}' END FROM ${rows} r)`
    : ''
  return `
          INSERT INTO tenon.outbox (organization_id, source, name, payload)
          SELECT TG_ARGV[0]::integer, 'app', '${event}', jsonb_build_object(
            'count', total,
            'ids', (SELECT coalesce(jsonb_agg(f.id), '[]') FROM (SELECT r.id FROM ${rows} r ORDER BY r.id LIMIT ${maxIds}) f),
            'names', (SELECT coalesce(jsonb_agg(f.name), '[]')
              FROM (SELECT r.${nameColumn} AS name FROM ${rows} r ORDER BY r.id LIMIT ${maxNames}) f))${oneImport}
          FROM (SELECT count(*) AS total FROM ${rows} r) counted WHERE total > 0;`
}

function triggerFunction(name: string, body: string): string {
  return `
      CREATE FUNCTION public.${name}() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN${body}
          RETURN NULL;
        END $$;
      REVOKE ALL ON FUNCTION public.${name}() FROM PUBLIC;`
}
