import { quoteIdentifier as quote, quoteLiteral as literal } from '../migrations/sql-text.js'

/**
 * SQL for the migrations of an application: plugins that write to `schema.table` can name only users of their own
 * organization in `columns`. A foreign key alone does not do that, because it ignores row-level security. A user of
 * another organization and a user who does not exist get the same sentence, and the check comes before the foreign
 * key, so that no row of another tenant is locked. Statements of the host itself are not checked.
 */
export function sameOrganizationTrigger(schema: string, table: string, columns: string[]): string {
  const relation = `${quote(schema)}.${quote(table)}`
  const list = columns.map(literal).join(', ')
  return `
    CREATE TRIGGER tenon_same_organization BEFORE INSERT OR UPDATE OF ${columns.map(quote).join(', ')} ON ${relation}
      FOR EACH ROW EXECUTE FUNCTION public.tenon_same_organization(${list});`
}
