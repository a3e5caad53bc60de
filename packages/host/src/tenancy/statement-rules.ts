import { TenonError } from '@tenon/contract'
import { maxTreeLevels, type ParseNode, tooDeep } from './parse-tree.js'

/** What the rules learned from one statement that they let pass. */
export interface StatementFacts {
  /** Names of `CREATE TABLE/INDEX/SEQUENCE IF NOT EXISTS`. */
  ownIfPresent: string[]
  /** Names of `CREATE TABLE` and `SELECT INTO`. */
  creates: string[]
  /** Whether there may be more tables, indexes or sequences afterwards. */
  adds: boolean
  /** What is read and written, by the names that the statement uses: `risks:insert`, `public.users:select`. */
  touches: string[]
}

export interface FunctionNames {
  /** Functions of pg_catalog on this server. */
  catalog: ReadonlySet<string>
  /** Functions of other schemas that the application lets plugins call, e.g. of extensions. */
  allowed: ReadonlySet<string>
}

/**
 * Judges one parsed statement: an allow-list of kinds, and of what may stand in them. On a server that a superuser has
 * hardened this is the second layer; on others it is what keeps functions, settings and locks from plugins. It is never
 * the wall between tenants: that is the role and its grants.
 * @throws TenonError STATEMENT_REFUSED with a sentence for the plugin's author.
 */
export function judgeStatement(statement: ParseNode, functions: FunctionNames): StatementFacts {
  const [kind, node] = typed(statement)
  const judge = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  if (!judge) refuse(reasons[kind] ?? `${readable(kind)} is not for plugins`)
  const reason = judge(node)
  if (reason !== undefined) refuse(reason)
  const found: Found = { touches: new Set(), into: [] }
  noteWrite(kind, node, found.touches)
  walk(node, functions, found, 1)
  const created = createdBy(kind, node)
  const isTable = kind === 'CreateStmt' || kind === 'CreateTableAsStmt'
  const ownIfPresent = node['if_not_exists'] === true ? created : []
  const adds = adding.has(kind) || found.into.length > 0
  return { ownIfPresent, creates: isTable ? created : found.into, adds, touches: [...found.touches] }
}

export function refuse(reason: string): never {
  throw new TenonError('STATEMENT_REFUSED', { reason })
}

type Judge = (node: ParseNode) => string | undefined
const fine: Judge = () => undefined

const oneOf =
  (field: string, values: string[], what: string): Judge =>
  (node) =>
    values.includes(String(node[field])) ? undefined : `${what} ${readable(String(node[field]))}`

const kinds: Record<string, Judge> = {
  SelectStmt: fine,
  InsertStmt: fine,
  UpdateStmt: fine,
  DeleteStmt: fine,
  MergeStmt: fine,
  TruncateStmt: fine,
  CreateStmt: (node) => tableReason(node),
  CreateTableAsStmt: oneOf('objtype', ['OBJECT_TABLE'], 'a plugin cannot create a'),
  CreateSeqStmt: fine,
  AlterSeqStmt: fine,
  IndexStmt: (node) => (node['concurrent'] === true ? 'CREATE INDEX CONCURRENTLY is not for plugins' : undefined),
  CreateEnumStmt: fine,
  AlterEnumStmt: fine,
  AlterTableStmt: (node) => alterReason(node),
  RenameStmt: oneOf(
    'renameType',
    ['OBJECT_TABLE', 'OBJECT_COLUMN', 'OBJECT_TABCONSTRAINT', 'OBJECT_INDEX', 'OBJECT_SEQUENCE', 'OBJECT_TYPE'],
    'a plugin cannot rename a',
  ),
  DropStmt: oneOf(
    'removeType',
    ['OBJECT_TABLE', 'OBJECT_INDEX', 'OBJECT_SEQUENCE', 'OBJECT_TYPE'],
    'a plugin cannot drop a',
  ),
  CommentStmt: oneOf(
    'objtype',
    ['OBJECT_TABLE', 'OBJECT_COLUMN', 'OBJECT_INDEX', 'OBJECT_SEQUENCE', 'OBJECT_TYPE', 'OBJECT_TABCONSTRAINT'],
    'a plugin cannot comment on a',
  ),
}

const noFunctions = 'a plugin cannot create functions, procedures or triggers in the database; do it in its own code'
const reasons: Record<string, string> = {
  TransactionStmt: 'use sequelize.transaction() instead of BEGIN, COMMIT, ROLLBACK and SAVEPOINT',
  VariableSetStmt: 'settings of the connection are the host’s; the search_path is the tenant’s schema, then public',
  VariableShowStmt: 'settings of the connection are the host’s',
  LockStmt: 'LOCK TABLE would stop other tenants; use SELECT … FOR UPDATE inside sequelize.transaction()',
  DoStmt:
    'a DO block may hold only IF [NOT] EXISTS (SELECT …) THEN statements END IF; send other statements one by one',
  CreateSchemaStmt: 'the tenant’s schema exists already, and a plugin cannot create another',
  CreateFunctionStmt: noFunctions,
  CreateTrigStmt: noFunctions,
  CreateEventTrigStmt: noFunctions,
  CallStmt: noFunctions,
  ViewStmt: 'a plugin cannot create views; use WITH or a query',
  CopyStmt: 'COPY is not for plugins; context.database.insertMany() is the fast way',
  GrantStmt: 'what a plugin may see is declared in its manifest',
  GrantRoleStmt: 'what a plugin may see is declared in its manifest',
  CreateExtensionStmt: 'extensions are the operator’s; gen_random_uuid() needs none',
  ListenStmt: 'use context.publish() and declared events instead of LISTEN and NOTIFY',
  NotifyStmt: 'use context.publish() and declared events instead of LISTEN and NOTIFY',
  VacuumStmt: 'the server vacuums and analyzes by itself',
}

const alterations = new Set(
  (
    'AddColumn ColumnDefault DropNotNull SetNotNull AddConstraint DropColumn DropConstraint AlterColumnType ' +
    'ValidateConstraint AlterConstraint AddIdentity SetIdentity DropIdentity SetExpression DropExpression ' +
    'SetStatistics SetStorage SetLogged SetUnLogged SetRelOptions ResetRelOptions'
  )
    .split(' ')
    .map((name) => `AT_${name}`),
)

function alterReason(node: ParseNode): string | undefined {
  if (!['OBJECT_TABLE', 'OBJECT_INDEX', 'OBJECT_SEQUENCE'].includes(String(node['objtype']))) {
    return `a plugin cannot alter a ${readable(String(node['objtype']))}`
  }
  for (const command of listOf(node['cmds'])) {
    const subtype = String(asNode(command['AlterTableCmd'])['subtype'])
    if (!alterations.has(subtype)) return `ALTER TABLE … ${readable(subtype)} is not for plugins`
  }
  return undefined
}

function tableReason(node: ParseNode): string | undefined {
  if (asNode(node['relation'])['relpersistence'] === 't') return 'a plugin cannot create temporary tables; use WITH'
  if (node['tablespacename'] !== undefined) return 'tablespaces are the operator’s'
  return undefined
}

function createdBy(kind: string, node: ParseNode): string[] {
  if (kind === 'CreateStmt') return [String(asNode(node['relation'])['relname'])]
  if (kind === 'CreateSeqStmt') return [String(asNode(node['sequence'])['relname'])]
  if (kind === 'IndexStmt' && node['idxname'] !== undefined) return [String(node['idxname'])]
  if (kind === 'CreateTableAsStmt') return [String(asNode(asNode(node['into'])['rel'])['relname'])]
  return []
}

const adding = new Set([
  'CreateStmt',
  'CreateTableAsStmt',
  'CreateSeqStmt',
  'CreateEnumStmt',
  'IndexStmt',
  'AlterTableStmt',
])

interface Found {
  touches: Set<string>
  /** Tables that SELECT INTO makes. */
  into: string[]
}

function walk(value: unknown, functions: FunctionNames, found: Found, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > maxTreeLevels) refuse(tooDeep)
  if (Array.isArray(value)) {
    for (const item of value) walk(item, functions, found, depth + 1)
    return
  }
  for (const [key, child] of Object.entries(value)) {
    if (key === 'FuncCall') judgeFunction(asNode(child), functions)
    if (key === 'Constraint') judgeConstraint(asNode(child))
    // A nested statement, in WITH: it may be of fewer kinds than one that stands alone.
    if (/^[A-Z]\w+Stmt$/.test(key) && !nestable.has(key)) refuse(`${readable(key)} cannot stand inside a statement`)
    if (key === 'intoClause') found.into.push(String(asNode(asNode(child)['rel'])['relname']))
    if (key === 'RangeVar') found.touches.add(`${relationName(asNode(child))}:select`)
    else noteWrite(key, child, found.touches)
    walk(child, functions, found, depth + 1)
  }
  if ('relname' in value) judgeRelation(value as ParseNode)
}

const writes: Record<string, string> = { InsertStmt: 'insert', UpdateStmt: 'update', DeleteStmt: 'delete' }
const definitions = /^(Create|CreateTableAs|CreateSeq|AlterSeq|Index|AlterTable|Rename|Drop)Stmt$/

function noteWrite(kind: string, statement: unknown, touches: Set<string>): void {
  const node = asNode(statement)
  const privilege = Object.hasOwn(writes, kind) ? writes[kind] : undefined
  if (privilege !== undefined) touches.add(`${relationName(asNode(node['relation']))}:${privilege}`)
  if (kind === 'MergeStmt') {
    for (const clause of listOf(node['mergeWhenClauses'])) {
      const command = String(asNode(clause['MergeWhenClause'])['commandType']).replace('CMD_', '').toLowerCase()
      if (command !== 'nothing') touches.add(`${relationName(asNode(node['relation']))}:${command}`)
    }
  }
  if (definitions.test(kind)) for (const name of definedBy(node)) touches.add(`${name}:define`)
}

/** What a statement makes, alters or drops. */
function definedBy(node: ParseNode): string[] {
  const relation = asNode(node['relation'] ?? node['sequence'] ?? asNode(node['into'])['rel'])
  const dropped = listOf(node['objects']).map((object) =>
    listOf(asNode(object['List'])['items'])
      .map((item) => String(asNode(item['String'])['sval']))
      .join('.'),
  )
  return [...('relname' in relation ? [relationName(relation)] : []), ...dropped.filter((name) => name !== '')]
}

function relationName(node: ParseNode): string {
  const name = String(node['relname'])
  return node['schemaname'] === undefined ? name : `${String(node['schemaname'])}.${name}`
}

const nestable = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])

// What shows other sessions, settings of the server, or large objects.
const deniedRelations =
  /^(pg_stat_|pg_statio_|pg_settings$|pg_locks$|pg_cursors$|pg_prepared_|pg_largeobject|pg_file_settings$|pg_hba_|pg_ident_|pg_shmem_|pg_backend_memory|pg_replication_|pg_db_role_setting$|pg_config$)/

function judgeRelation(node: ParseNode): void {
  const schema = node['schemaname']
  const name = String(node['relname'])
  if (schema !== undefined && schema !== 'pg_catalog') return
  if (deniedRelations.test(name)) refuse(`the system view ${name} is not for plugins`)
}

function judgeConstraint(node: ParseNode): void {
  if (asNode(node['pktable'])['schemaname'] !== 'public') return
  const table = String(asNode(node['pktable'])['relname'])
  refuse(
    `a foreign key to public.${table} would lock rows of other tenants; store the id in a column without REFERENCES`,
  )
}

// Functions that run SQL from a text, wait, lock, look at or talk to other sessions, change settings, or touch files.
const deniedFunctions =
  /^(pg_|lo_|lo$|loread$|lowrite$|dblink|(query|cursor|table|schema|database)_to_xml|ts_stat$|ts_rewrite$|set_config$|current_setting$|txid_|currtid|setval$|lastval$|inet_(client|server)|binary_upgrade_|brin_|gin_clean|xpath_table)/
const allowedPgFunctions = new Set([
  'pg_typeof',
  'pg_get_serial_sequence',
  'pg_get_constraintdef',
  'pg_get_indexdef',
  'pg_get_expr',
  'pg_column_size',
  'pg_relation_size',
  'pg_table_size',
  'pg_indexes_size',
  'pg_total_relation_size',
  'pg_size_pretty',
  'pg_size_bytes',
  'pg_table_is_visible',
  'pg_type_is_visible',
  'pg_get_userbyid',
  'pg_input_is_valid',
  'pg_encoding_to_char',
  'pg_client_encoding',
])

function judgeFunction(node: ParseNode, { catalog, allowed }: FunctionNames): void {
  const path = listOf(node['funcname']).map((part) => String(asNode(part['String'])['sval']))
  const name = path.at(-1) ?? ''
  const schema = path.at(-2)
  if (schema === 'tenon_api') return
  if (schema === undefined || schema === 'pg_catalog') {
    if (name === 'nextval') return judgeSequence(node)
    if (deniedFunctions.test(name) && !allowedPgFunctions.has(name)) refuse(`the function ${name}() is not for plugins`)
    if (catalog.has(name)) return
  }
  if ((schema === undefined || schema === 'public') && allowed.has(name)) return
  // Postgres's own error for what does not exist, unless something of the application has that name.
  refuse(`the function ${path.join('.')}() does not exist, or is not for plugins`)
}

/** A sequence that is named openly, so that the ids of a shared table cannot be used up through an expression. */
function judgeSequence(node: ParseNode): void {
  const [argument] = listOf(node['args'])
  const constant = asNode(argument?.['TypeCast'] ? asNode(argument['TypeCast'])['arg'] : argument)
  const name = asNode(asNode(constant['A_Const'])['sval'])['sval']
  if (typeof name !== 'string') refuse('nextval() needs the name of a sequence as a plain text')
  if (/^\s*"?public"?\s*\./i.test(name)) refuse('sequences of public tables are not for plugins')
}

function typed(node: ParseNode): [string, ParseNode] {
  const [kind = '', child] = Object.entries(node)[0] ?? []
  return [kind, asNode(child)]
}

function asNode(value: unknown): ParseNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as ParseNode) : {}
}

function listOf(value: unknown): ParseNode[] {
  return Array.isArray(value) ? value.map(asNode) : []
}

/** `CreateFunctionStmt` → `create function`, `OBJECT_VIEW` → `view`, `AT_ChangeOwner` → `change owner`. */
function readable(name: string): string {
  return name
    .replace(/^(OBJECT|AT)_/, '')
    .replace(/Stmt$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .replaceAll('_', ' ')
    .toLowerCase()
}
