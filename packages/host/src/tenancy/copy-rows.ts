import pg from 'pg'
import { z } from 'zod'
import { quoteIdentifier as quote } from '../migrations/sql-text.js'

/** Postgres has at most 1,600 columns in a table. */
export const maxColumns = 1_600
/** A NUL would end the statement in the middle. */
const name = z
  .string()
  .min(1)
  .max(130)
  .refine((text) => !text.includes('\0'), 'contains U+0000')

/**
 * Rows in Postgres's COPY text format, as the plugin's process encodes them. To be made once: a schema costs more than
 * what a call does beside it.
 */
export const createCopySchema = ({ maxCopyBytes }: { maxCopyBytes: number }) =>
  z.object({
    table: name.describe('`name` or `schema.name`'),
    columns: z.array(name).min(1).max(maxColumns, `more than ${maxColumns} columns`),
    data: z.instanceof(Uint8Array).refine((data) => data.length <= maxCopyBytes, 'too many bytes for one message'),
    transaction: z.string().max(40).optional(),
  })

export type CopySchema = ReturnType<typeof createCopySchema>

export type EncodedRows = Omit<z.infer<CopySchema>, 'transaction'>

/** The statement is the host's own, made of quoted names: COPY can do more than adding rows, and plugins may not write it. */
export function copyStatement({ table, columns }: EncodedRows): string {
  return `COPY ${table.split('.').map(quote).join('.')} (${columns.map(quote).join(', ')}) FROM STDIN`
}

/** As permissions name it: `risks`, `public.users`. */
export function nameOfTable(table: string): string {
  return table.startsWith('public.') ? table : (table.split('.').at(-1) ?? table)
}

/** What pg has for COPY but does not declare. */
interface CopyConnection {
  sendCopyFromChunk(chunk: Uint8Array): void
  endCopyFrom(): void
}

class CopyQuery extends pg.Query {
  readonly #data: Uint8Array
  constructor(text: string, data: Uint8Array) {
    super(text)
    this.#data = data
  }
  handleCopyInResponse(connection: CopyConnection): void {
    if (this.#data.length > 0) connection.sendCopyFromChunk(this.#data)
    connection.endCopyFrom()
  }
}

/** Answers the number of rows. @throws the server's error; nothing of the data is kept then. */
export function sendCopy(client: pg.Client, text: string, data: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const query = new CopyQuery(text, data)
    query.on('error', reject)
    query.on('end', (result: { rowCount: number | null }) => resolve(result.rowCount ?? 0))
    client.query(query)
  })
}
