declare module 'sequelize/lib/utils/sql' {
  /** Where Sequelize itself puts replacements; ours is compared with it. */
  export function injectReplacements(sql: string, dialect: unknown, replacements: unknown): string
}
