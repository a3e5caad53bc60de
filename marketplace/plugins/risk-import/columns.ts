import {
  AI_LIFECYCLE_PHASES,
  CURRENT_RISK_LEVEL_VALUES,
  LIKELIHOOD_VALUES,
  MITIGATION_STATUS_VALUES,
  RISK_CATEGORY_VALUES,
  RISK_LEVEL_VALUES,
  RISK_SEVERITY_VALUES,
  SEVERITY_VALUES,
} from './enums'

/** What a cell of a column holds. */
export type CellKind =
  | { kind: 'text'; maxLength: number }
  | { kind: 'choice'; values: readonly string[]; alsoAccepts?: Readonly<Record<string, string>> }
  | { kind: 'choices'; values: readonly string[] }
  | { kind: 'person' }
  | { kind: 'date' }

export interface Column {
  /** Name of the column in the table `risks`, and of the property in a JSON row. */
  key: string
  title: string
  /** Stands behind the title in parentheses. */
  hint?: string
  required: boolean
  /** In characters of the sheet. */
  width: number
  holds: CellKind
  sqlType: string
  /** What the sample row of the template says; a person is filled in. */
  sample: string
}

/** `varchar(255)` */
const shortText: CellKind = { kind: 'text', maxLength: 255 }
/** The most that a cell of Excel can hold. */
const longText: CellKind = { kind: 'text', maxLength: 32_767 }
const date: CellKind = { kind: 'date' }
const person: CellKind = { kind: 'person' }

const required = true
const optional = false

/**
 * The columns of an import, in order. The template, the check, the import and the INSERT are all made from this list, so
 * that none of them can ask for something that the others do not know.
 */
export const columns: readonly Column[] = [
  column('risk_name', 'Risk Name', required, 30, shortText, 'varchar', 'Example: biased training data'),
  column('risk_owner', 'Risk Owner', required, 36, person, 'integer', ''),
  column(
    'ai_lifecycle_phase',
    'AI Lifecycle Phase',
    required,
    32,
    choice(AI_LIFECYCLE_PHASES),
    enumType('ai_lifecycle_phase'),
    'Data collection & processing',
  ),
  column(
    'risk_description',
    'Risk Description',
    required,
    50,
    longText,
    'text',
    'This row shows what to enter. The import skips it; you may also overwrite or delete it.',
  ),
  column(
    'risk_category',
    'Risk Category',
    optional,
    30,
    { kind: 'choices', values: RISK_CATEGORY_VALUES },
    `${enumType('risk_category')}[]`,
    'Compliance risk, Reputational risk',
    'comma-separated',
  ),
  column('impact', 'Impact', optional, 30, shortText, 'varchar', 'Unfair decisions for some applicants'),
  column('likelihood', 'Likelihood', required, 18, choice(LIKELIHOOD_VALUES), enumType('likelihood'), 'Possible'),
  column(
    'severity',
    'Severity',
    required,
    18,
    // The highest words of the two severity scales are told apart by the column, not by the person who copies a cell.
    choice(SEVERITY_VALUES, { Critical: 'Catastrophic' }),
    enumType('severity'),
    'Major',
  ),
  column('review_notes', 'Review Notes', optional, 30, longText, 'text', ''),
  column(
    'mitigation_status',
    'Mitigation Status',
    optional,
    20,
    choice(MITIGATION_STATUS_VALUES, { Cancelled: 'Canceled' }),
    enumType('mitigation_status'),
    'In Progress',
  ),
  column(
    'current_risk_level',
    'Current Risk Level',
    optional,
    20,
    choice(CURRENT_RISK_LEVEL_VALUES),
    enumType('current_risk_level'),
    'High risk',
  ),
  column('deadline', 'Deadline', optional, 16, date, 'timestamptz', '2030-12-31', 'yyyy-mm-dd'),
  column('mitigation_plan', 'Mitigation Plan', optional, 40, longText, 'text', 'Measure outcomes by group every month'),
  column('implementation_strategy', 'Implementation Strategy', optional, 40, longText, 'text', ''),
  column(
    'likelihood_mitigation',
    'Likelihood Mitigation',
    optional,
    20,
    choice(LIKELIHOOD_VALUES),
    enumType('likelihood_mitigation'),
    'Unlikely',
  ),
  column(
    'risk_severity',
    'Risk Severity',
    optional,
    18,
    choice(RISK_SEVERITY_VALUES, { Catastrophic: 'Critical' }),
    enumType('risk_severity'),
    'Moderate',
  ),
  column('final_risk_level', 'Final Risk Level', optional, 18, choice(RISK_LEVEL_VALUES), 'varchar', 'Medium risk'),
  column('risk_approval', 'Risk Approval', optional, 36, person, 'integer', ''),
  column('approval_status', 'Approval Status', optional, 18, shortText, 'varchar', 'In Progress'),
  column('date_of_assessment', 'Date of Assessment', optional, 18, date, 'timestamptz', '2030-01-15', 'yyyy-mm-dd'),
]

/** Last column of a file with corrections. */
export const PROBLEMS_TITLE = 'Problems'

/** The header of a column as the template writes it: `Deadline (yyyy-mm-dd)`, `Risk Name *`. */
export function headerOf({ title, hint, required: isRequired }: Column): string {
  return `${title}${hint === undefined ? '' : ` (${hint})`}${isRequired ? ' *' : ''}`
}

/** Longer ones are texts. */
const MAX_HEADER_CHARACTERS = 1_000

/** The column that a header or a property names: without what stands in parentheses and stars, in any case. */
export function columnOfHeader(header: string): Column | undefined {
  if (header.length > MAX_HEADER_CHARACTERS) return undefined
  const key = header
    .replace(/\([^)]*\)/g, ' ')
    .replace(/\*/g, ' ')
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, '_')
  return columnsByKey.get(key)
}

const columnsByKey: ReadonlyMap<string, Column> = new Map(columns.map((one) => [one.key, one]))

function column(
  key: string,
  title: string,
  isRequired: boolean,
  width: number,
  holds: CellKind,
  sqlType: string,
  sample: string,
  hint?: string,
): Column {
  return { key, title, required: isRequired, width, holds, sqlType, sample, ...(hint === undefined ? {} : { hint }) }
}

function choice(values: readonly string[], alsoAccepts?: Readonly<Record<string, string>>): CellKind {
  return { kind: 'choice', values, ...(alsoAccepts === undefined ? {} : { alsoAccepts }) }
}

function enumType(name: string): string {
  return `public.enum_projectrisks_${name}`
}
