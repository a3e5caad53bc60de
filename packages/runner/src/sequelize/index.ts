import * as errors from './errors.js'
import { QueryTypes } from './query-types.js'
import type { Requests } from './requests.js'
import { Sequelize, withAdvice } from './sequelize.js'
import { Transaction } from './transaction.js'

export { createDatabase } from './bulk.js'
export type { InsertOptions, PluginDatabase, UpsertOptions } from './bulk.js'
export type { Requests } from './requests.js'
export type { QueryOptions, QueryText } from './sequelize.js'
export type { Sequelize } from './sequelize.js'
export type { Transaction, TransactionOptions } from './transaction.js'

/** The `sequelize` object of one call. */
export function createSequelize(requests: Requests): Sequelize {
  return withAdvice(Sequelize.make(requests))
}

/** Names of column types, for plugins that merely import them. */
const DataTypes = new Proxy({}, { get: (_, name) => (typeof name === 'string' ? { key: name } : undefined) })

const names = { QueryTypes, Sequelize, Transaction, DataTypes, Error: errors.BaseError, ...exportedErrors() }

/** What `require('sequelize')` gives. */
export const sequelizeModule: object = Object.assign(Sequelize, names, { default: Sequelize, __esModule: true })

function exportedErrors() {
  const {
    BaseError,
    DatabaseError,
    ExclusionConstraintError,
    ForeignKeyConstraintError,
    TimeoutError,
    UniqueConstraintError,
    UnknownConstraintError,
    ValidationError,
    ValidationErrorItem,
  } = errors
  return {
    BaseError,
    DatabaseError,
    ExclusionConstraintError,
    ForeignKeyConstraintError,
    TimeoutError,
    UniqueConstraintError,
    UnknownConstraintError,
    ValidationError,
    ValidationErrorItem,
  }
}
