import * as z from 'zod'

/** Up to what PostgreSQL can count to in a column of ids. */
export const rowId = z.coerce.number({ error: 'must be a number' }).int().min(1).max(2_147_483_647)
