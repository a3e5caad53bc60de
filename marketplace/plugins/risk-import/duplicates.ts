import type { SeedContext } from '@tenon/sdk'
import type { Risk } from './check-rows'
import { tableOf } from './risk-table'

/** Rows that are read at once; a register may hold more than one answer of the database may. */
const ROWS_PER_READ = 20_000

/** Finds risks with the same name and owner, in the register and further up in the same file. */
export interface Duplicates {
  /** Says what is there already, and remembers this risk. */
  find(risk: Risk, row: number): string | undefined
}

/** Reads the names and owners of the register. */
export async function readDuplicates({ sequelize }: SeedContext, tenantId: string): Promise<Duplicates> {
  const seen = new Map<string, number>()
  let after = 0
  for (;;) {
    const rows = await sequelize.query<{ id: number; risk_name: string; risk_owner: number | null }>(
      `SELECT id, risk_name, risk_owner FROM ${tableOf(tenantId, 'risks')}
       WHERE NOT is_deleted AND id > :after ORDER BY id LIMIT ${ROWS_PER_READ}`,
      { replacements: { after }, type: 'SELECT' },
    )
    for (const { risk_name, risk_owner } of rows) seen.set(keyOf(risk_name, risk_owner), IN_REGISTER)
    if (rows.length < ROWS_PER_READ) break
    after = rows[rows.length - 1].id
  }
  return {
    find({ risk_name: name, risk_owner: owner }, row) {
      const key = keyOf(String(name), owner)
      const earlier = seen.get(key)
      if (earlier === undefined) {
        seen.set(key, row)
        return undefined
      }
      const where = earlier === IN_REGISTER ? 'in the register' : `in row ${earlier}`
      return `A risk with this name and owner is already ${where}. Change the name, or import duplicates on purpose`
    },
  }
}

/** When duplicates are wanted. */
export const noDuplicates: Duplicates = { find: () => undefined }

const IN_REGISTER = 0

function keyOf(name: string, owner: unknown): string {
  return `${String(owner)} ${name.toLowerCase().replace(/\s+/g, ' ').trim()}`
}
