import { sameOrganizationTrigger, type TenantMigration } from '@tenon/host'
import { announcementTriggers } from './announcements.js'

/**
 * The registers of one organization, with the columns that plugins know. Of a risk only what describes it must be there;
 * `import_id` names the import that brought it, so that the import can be undone.
 */
export const tenantRegistersMigration: TenantMigration = {
  name: '1001-registers',
  async up(client, { schema, organizationId }) {
    const user = 'integer REFERENCES public.users (id) ON DELETE SET NULL'
    await client.query(`
      CREATE TABLE "${schema}".projects (
        id serial PRIMARY KEY,
        uc_id varchar(255) UNIQUE,
        project_title varchar(255) NOT NULL,
        owner ${user},
        start_date timestamptz NOT NULL,
        ai_risk_classification public.enum_projects_ai_risk_classification,
        type_of_high_risk_role public.enum_projects_type_of_high_risk_role,
        goal varchar(255) NOT NULL,
        target_industry varchar(255),
        description varchar(255),
        geography integer NOT NULL DEFAULT 1,
        last_updated timestamptz NOT NULL DEFAULT now(),
        last_updated_by ${user},
        is_demo boolean NOT NULL DEFAULT false,
        is_organizational boolean NOT NULL DEFAULT false,
        status public.projects_status_enum NOT NULL DEFAULT 'Not started',
        approval_workflow_id integer,
        pending_frameworks jsonb,
        enable_ai_data_insertion boolean NOT NULL DEFAULT false,
        _source varchar(100),
        created_at timestamp NOT NULL DEFAULT now()
      );

      CREATE TABLE "${schema}".risks (
        id serial PRIMARY KEY,
        risk_name varchar(255) NOT NULL,
        risk_owner ${user},
        ai_lifecycle_phase public.enum_projectrisks_ai_lifecycle_phase NOT NULL,
        risk_description text NOT NULL,
        risk_category public.enum_projectrisks_risk_category[],
        impact varchar(255),
        assessment_mapping text,
        controls_mapping text,
        likelihood public.enum_projectrisks_likelihood NOT NULL,
        severity public.enum_projectrisks_severity NOT NULL,
        risk_level_autocalculated public.enum_projectrisks_risk_level_autocalculated,
        review_notes text,
        mitigation_status public.enum_projectrisks_mitigation_status,
        current_risk_level public.enum_projectrisks_current_risk_level,
        deadline timestamptz,
        mitigation_plan text,
        implementation_strategy text,
        mitigation_evidence_document varchar(255),
        likelihood_mitigation public.enum_projectrisks_likelihood_mitigation,
        risk_severity public.enum_projectrisks_risk_severity,
        final_risk_level varchar(255),
        risk_approval ${user},
        approval_status varchar(255),
        date_of_assessment timestamptz,
        is_demo boolean NOT NULL DEFAULT false,
        is_deleted boolean NOT NULL DEFAULT false,
        deleted_at timestamp,
        import_id uuid,
        created_at timestamp NOT NULL DEFAULT now(),
        updated_at timestamp NOT NULL DEFAULT now()
      );
      CREATE INDEX risks_import ON "${schema}".risks (import_id) WHERE import_id IS NOT NULL;

      CREATE TABLE "${schema}".projects_risks (
        risk_id integer NOT NULL REFERENCES "${schema}".risks (id) ON DELETE CASCADE,
        project_id integer NOT NULL REFERENCES "${schema}".projects (id) ON DELETE CASCADE,
        PRIMARY KEY (risk_id, project_id)
      );

      CREATE TABLE "${schema}".model_inventories (
        id serial PRIMARY KEY,
        provider_model varchar(255) NOT NULL,
        provider varchar(255) NOT NULL,
        model varchar(255) NOT NULL,
        version varchar(255) NOT NULL,
        approver ${user},
        capabilities text NOT NULL DEFAULT '',
        security_assessment boolean NOT NULL DEFAULT false,
        status public.enum_model_inventories_status NOT NULL DEFAULT 'Pending',
        status_date timestamptz NOT NULL DEFAULT now(),
        reference_link varchar(255) NOT NULL DEFAULT '',
        biases varchar(255) NOT NULL DEFAULT '',
        limitations varchar(255) NOT NULL DEFAULT '',
        hosting_provider varchar(255) NOT NULL DEFAULT '',
        security_assessment_data jsonb NOT NULL DEFAULT '[]',
        is_demo boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE TABLE "${schema}".files (
        id serial PRIMARY KEY,
        filename varchar(255) NOT NULL,
        content bytea NOT NULL,
        project_id integer REFERENCES "${schema}".projects (id) ON DELETE SET NULL,
        uploaded_by ${user},
        uploaded_time timestamptz NOT NULL DEFAULT now(),
        is_demo boolean NOT NULL DEFAULT false,
        source public.enum_files_source NOT NULL,
        type varchar(255) NOT NULL,
        size bigint,
        file_path varchar(255),
        org_id integer,
        model_id integer REFERENCES "${schema}".model_inventories (id) ON DELETE SET NULL,
        tags jsonb NOT NULL DEFAULT '[]',
        review_status varchar(50),
        version varchar(50),
        expiry_date date,
        last_modified_by ${user},
        updated_at timestamptz,
        description text
      );

      CREATE TABLE "${schema}".file_entity_links (
        id serial PRIMARY KEY,
        file_id integer NOT NULL REFERENCES "${schema}".files (id) ON DELETE CASCADE,
        framework_type varchar(50) NOT NULL,
        entity_type varchar(50) NOT NULL,
        entity_id integer NOT NULL,
        project_id integer REFERENCES "${schema}".projects (id) ON DELETE CASCADE,
        link_type varchar(20) NOT NULL DEFAULT 'evidence',
        created_by ${user},
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (file_id, framework_type, entity_type, entity_id)
      );
      ${Object.entries(userColumns)
        .map(([table, columns]) => sameOrganizationTrigger(schema, table, columns))
        .join('')}
      ${['risks', 'projects', 'model_inventories']
        .map((table) => announcementTriggers(schema, table, organizationId))
        .join('')}
      ${Object.entries(timeColumns)
        .flatMap(([table, columns]) => columns.map((column) => readableTime(schema, table, column)))
        .join('')}
      ALTER TABLE "${schema}".risks
        ADD CONSTRAINT risks_risk_category_list CHECK (array_ndims(risk_category) = 1);`)
  },
  async down(client, { schema }) {
    const tables = ['file_entity_links', 'files', 'model_inventories', 'projects_risks', 'risks', 'projects']
    await client.query(`DROP TABLE ${tables.map((table) => `"${schema}".${table}`).join(', ')}`)
  },
}

/** Columns that name a user. The database does not let a plugin name users of other organizations in them. */
export const userColumns: Record<string, string[]> = {
  projects: ['owner', 'last_updated_by'],
  risks: ['risk_owner', 'risk_approval'],
  model_inventories: ['approver'],
  files: ['uploaded_by', 'last_modified_by'],
  file_entity_links: ['created_by'],
}

/** Times that answers of the API carry. */
const timeColumns: Record<string, string[]> = {
  projects: ['start_date', 'last_updated', 'created_at'],
  risks: ['deadline', 'date_of_assessment', 'deleted_at', 'created_at', 'updated_at'],
  model_inventories: ['status_date', 'created_at', 'updated_at'],
}

/** `infinity`, or a year without four digits, cannot be written as ISO 8601, whatever plugin put it there. */
function readableTime(schema: string, table: string, column: string): string {
  return `
      ALTER TABLE "${schema}".${table} ADD CONSTRAINT ${table}_${column}_readable
        CHECK (${column} >= '0100-01-01Z' AND ${column} < '10000-01-01Z');`
}
