/** An error of the server as it crossed the wire; `code` is a SQLSTATE, or one of Tenon's codes. */
export interface ServerError {
  message: string
  code: string
  detail?: string
  constraint?: string
  table?: string
  [field: string]: string | undefined
}

type ParentError = Error & ServerError & { sql?: string; parameters?: unknown }

export class BaseError extends Error {
  override name = 'SequelizeBaseError'
}

export class DatabaseError extends BaseError {
  override name = 'SequelizeDatabaseError'
  readonly original: ParentError
  readonly sql: string | undefined
  readonly parameters: unknown
  constructor(readonly parent: ParentError) {
    super(parent.message)
    this.original = parent
    this.sql = parent.sql
    this.parameters = parent.parameters ?? {}
  }
}

interface ConstraintFields {
  fields?: Record<string, string> | null | undefined
  constraint?: string | undefined
  index?: string | undefined
  table?: string | undefined
}

export class ForeignKeyConstraintError extends DatabaseError {
  override name = 'SequelizeForeignKeyConstraintError'
  readonly fields: ConstraintFields['fields']
  readonly table: string | undefined
  readonly index: string | undefined
  readonly value: unknown = undefined
  readonly reltype: unknown = undefined
  constructor(parent: ParentError, { fields, table, index }: ConstraintFields) {
    super(parent)
    this.fields = fields
    this.table = table
    this.index = index
  }
}

export class ExclusionConstraintError extends DatabaseError {
  override name = 'SequelizeExclusionConstraintError'
  readonly constraint: string | undefined
  readonly fields: ConstraintFields['fields']
  readonly table: string | undefined
  constructor(parent: ParentError, { fields, table, constraint }: ConstraintFields) {
    super(parent)
    this.message = 'Exclusion constraint error'
    this.constraint = constraint
    this.fields = fields
    this.table = table
  }
}

export class UnknownConstraintError extends DatabaseError {
  override name = 'SequelizeUnknownConstraintError'
  readonly constraint: string | undefined
  readonly fields: ConstraintFields['fields']
  readonly table: string | undefined
  constructor(parent: ParentError, { fields, table, constraint }: ConstraintFields) {
    super(parent)
    this.message = 'Unknown constraint error'
    this.constraint = constraint
    this.fields = fields
    this.table = table
  }
}

/** A statement needs a permission that the plugin asks for and was not granted. */
export class PermissionDeniedError extends DatabaseError {
  override name = 'PermissionDenied'
  readonly code = 'PERMISSION_DENIED'
  /** As people grant it: `table:risks:insert`. */
  readonly permission: string
  constructor(parent: ParentError, permission: string) {
    super(parent)
    this.permission = permission
  }
}

export class TimeoutError extends DatabaseError {
  override name = 'SequelizeTimeoutError'
}

export class ValidationErrorItem {
  readonly type = 'unique violation'
  readonly origin = 'DB'
  readonly instance = null
  readonly validatorKey = 'not_unique'
  readonly validatorName = null
  readonly validatorArgs: unknown[] = []
  constructor(
    readonly message: string,
    readonly path: string,
    readonly value: string,
  ) {}
}

export class ValidationError extends BaseError {
  override name = 'SequelizeValidationError'
  constructor(
    message: string,
    readonly errors: ValidationErrorItem[] = [],
  ) {
    super(message)
  }
  get(path: string): ValidationErrorItem[] {
    return this.errors.filter((item) => item.path === path)
  }
}

export class UniqueConstraintError extends ValidationError {
  override name = 'SequelizeUniqueConstraintError'
  readonly original: ParentError
  readonly sql: string | undefined
  constructor(
    readonly parent: ParentError,
    message: string,
    errors: ValidationErrorItem[],
    readonly fields: Record<string, string>,
  ) {
    super(message, errors)
    this.original = parent
    this.sql = parent.sql
  }
}

/** The error that Sequelize would throw for what the server said. */
export function sequelizeError(error: ServerError, sql: string, parameters: unknown[] | undefined): Error {
  const parent = Object.assign(new Error(error.message), error, { sql, parameters }) as ParentError
  const { code, message, detail = '', permission } = error
  if (permission !== undefined) return new PermissionDeniedError(parent, permission)
  if (code === '23503') return foreignKeyError(parent, message)
  if (code === '23505') return uniqueError(parent, detail)
  if (code === '23P01') {
    return new ExclusionConstraintError(parent, { ...error, fields: keyFields(detail) })
  }
  if (code === '42704' && /(CONSTRAINT|INDEX)/i.test(sql)) {
    const constraint = /(?:constraint|index) "(.+?)"/i.exec(message)?.[1]
    return new UnknownConstraintError(parent, { constraint, table: /relation "(.+?)"/i.exec(message)?.[1] })
  }
  return new DatabaseError(parent)
}

function foreignKeyError(parent: ParentError, message: string): Error {
  const index = /violates foreign key constraint "(.+?)"/.exec(message)?.[1]
  return new ForeignKeyConstraintError(parent, { fields: null, index, table: /on table "(.+?)"/.exec(message)?.[1] })
}

function uniqueError(parent: ParentError, detail: string): Error {
  const fields = keyFields(detail.replaceAll('"', ''))
  if (!fields) return new UniqueConstraintError(parent, parent.message, [], {})
  const items = Object.entries(fields).map(
    ([field, value]) => new ValidationErrorItem(`${field} must be unique`, field, value),
  )
  return new UniqueConstraintError(parent, 'Validation error', items, fields)
}

function keyFields(detail: string): Record<string, string> | undefined {
  const match = /Key \((.*?)\)=\((.*?)\)/.exec(detail)
  if (!match) return undefined
  const values = (match[2] ?? '').split(', ')
  return Object.fromEntries((match[1] ?? '').split(', ').map((field, at) => [field, values[at] ?? '']))
}
