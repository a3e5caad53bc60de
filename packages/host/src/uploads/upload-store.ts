import { TenonError } from '@tenon/contract'
import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../migrations/index.js'
import type { UploadLimits } from './upload-limits.js'

/** Whose a file is: nobody else can name it. */
export interface UploadOwner {
  organizationId: number
  pluginKey: string
}

/** A file that is on its way. */
export interface IncomingUpload {
  id: string
  /** Takes bytes as they come, and waits until they are stored when a piece is full. @throws TenonError UPLOAD_NOT_FOUND */
  write(bytes: Uint8Array): Promise<void>
  /** The file is complete, and can be read. Returns its size in bytes. */
  end(): Promise<number>
  /** Nothing of it remains. */
  abandon(): Promise<void>
}

/** Files that people sent, in pieces in the database: no process ever holds one whole. */
export interface UploadStore {
  readonly limits: UploadLimits
  /** Takes room for a file of at most so many bytes, before anything of it is read. @throws TenonError UPLOADS_FULL */
  begin(owner: UploadOwner, announcedBytes: number): Promise<IncomingUpload>
  /** One piece, from 0 on; undefined behind the last one. @throws TenonError UPLOAD_NOT_FOUND */
  read(owner: UploadOwner, id: string, position: number): Promise<Buffer | undefined>
  /**
   * Keeps it until the run has ended, however long that takes. What was sent for the run alone, its body, is removed then.
   * @param client of the transaction that adds the run
   */
  hold(client: PoolClient, id: string, hold: { runId: string; isBody: boolean }): Promise<void>
  /** The same once more, of what a run that has ended has left. @throws TenonError UPLOAD_NOT_FOUND */
  holdAgain(client: PoolClient, owner: UploadOwner, id: string, hold: { runId: string; isBody: boolean }): Promise<void>
  /** Nobody works on it any more: it may make room for others. */
  release(owner: UploadOwner, id: string): Promise<void>
  /** Everything of a plugin that is gone. */
  forget(owner: UploadOwner): Promise<void>
  /** Bytes that are kept for the plugins of an organization. */
  heldBytes(organizationId: number): Promise<number>
  /** Removes what is too old, and what never was completed. */
  sweep(): Promise<void>
}

export function createUploadStore({ pool, limits }: { pool: Pool; limits: UploadLimits }): UploadStore {
  return {
    limits,

    async begin(owner, announcedBytes) {
      const id = await inTransaction(pool, (client) => reserve(client, owner, announcedBytes, limits))
      return receive(pool, id, limits)
    },

    async read({ organizationId, pluginKey }, id, position) {
      const { rows } = await pool.query<{ bytes: Buffer | null }>(
        `SELECT p.bytes FROM tenon.uploads u LEFT JOIN tenon.upload_pieces p ON p.upload_id = u.id AND p.position = $4
         WHERE u.id::text = $1 AND u.organization_id = $2 AND u.plugin_key = $3 AND u.size IS NOT NULL
           AND (u.expires_at > now() OR EXISTS (SELECT FROM tenon.upload_holds h WHERE h.upload_id = u.id))`,
        [id, organizationId, pluginKey, position],
      )
      if (!rows[0]) throw new TenonError('UPLOAD_NOT_FOUND')
      return rows[0].bytes ?? undefined
    },

    async hold(client, id, { runId, isBody }) {
      await client.query('INSERT INTO tenon.upload_holds (run_id, upload_id, is_body) VALUES ($1, $2, $3)', [
        runId,
        id,
        isBody,
      ])
    },

    async holdAgain(client, { organizationId, pluginKey }, id, hold) {
      // What makes room for a file at the same moment has the same lock.
      await lockRoom(client, organizationId)
      const { rowCount } = await client.query(
        `UPDATE tenon.uploads SET is_idle = false
         WHERE id::text = $1 AND organization_id = $2 AND plugin_key = $3 AND size IS NOT NULL AND expires_at > now()`,
        [id, organizationId, pluginKey],
      )
      if (rowCount === 0) throw new TenonError('UPLOAD_NOT_FOUND')
      await this.hold(client, id, hold)
    },

    async release({ organizationId, pluginKey }, id) {
      await pool.query(
        'UPDATE tenon.uploads SET is_idle = true WHERE id = $1 AND organization_id = $2 AND plugin_key = $3',
        [id, organizationId, pluginKey],
      )
    },

    async forget({ organizationId, pluginKey }) {
      await pool.query('DELETE FROM tenon.uploads WHERE organization_id = $1 AND plugin_key = $2', [
        organizationId,
        pluginKey,
      ])
    },

    async heldBytes(organizationId) {
      const { rows } = await pool.query<{ bytes: string | null }>(
        'SELECT sum(held_bytes) AS bytes FROM tenon.uploads WHERE organization_id = $1',
        [organizationId],
      )
      return Number(rows[0]?.bytes ?? 0)
    },

    async sweep() {
      await pool.query(
        `DELETE FROM tenon.uploads u WHERE expires_at <= now()
           AND NOT EXISTS (SELECT FROM tenon.upload_holds h WHERE h.upload_id = u.id)`,
      )
    },
  }
}

/** Two requests at once must not both take the last room: the row of the organization is the lock. */
async function reserve(
  client: PoolClient,
  { organizationId, pluginKey }: UploadOwner,
  bytes: number,
  { maxHeldBytes, maxPauseMs }: UploadLimits,
): Promise<string> {
  await lockRoom(client, organizationId)
  await makeRoom(client, organizationId, maxHeldBytes - bytes)
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO tenon.uploads (organization_id, plugin_key, held_bytes, expires_at)
     SELECT $1, $2, $3, now() + $5 * interval '1 ms'
     WHERE $3::bigint + (SELECT coalesce(sum(held_bytes), 0) FROM tenon.uploads WHERE organization_id = $1) <= $4::bigint
     RETURNING id`,
    [organizationId, pluginKey, bytes, maxHeldBytes, maxPauseMs],
  )
  if (!rows[0]) throw new TenonError('UPLOADS_FULL', { limit: `${maxHeldBytes / 1_000_000} MB` })
  return rows[0].id
}

async function lockRoom(client: PoolClient, organizationId: number): Promise<void> {
  await client.query('SELECT FROM tenon.tenants WHERE organization_id = $1 FOR NO KEY UPDATE', [organizationId])
}

/** The newest of those that nobody works on stay, as far as they fit beside the others. */
async function makeRoom(client: PoolClient, organizationId: number, keptBytes: number): Promise<void> {
  await client.query(
    `DELETE FROM tenon.uploads WHERE id IN (
       SELECT id FROM (
         SELECT id, is_idle, sum(held_bytes) OVER (ORDER BY is_idle, created_at DESC, id) AS together
         FROM tenon.uploads WHERE organization_id = $1) held
       WHERE is_idle AND together > $2)`,
    [organizationId, keptBytes],
  )
}

function receive(pool: Pool, id: string, { pieceBytes, maxPauseMs, keptMs }: UploadLimits): IncomingUpload {
  let piece = Buffer.allocUnsafe(pieceBytes)
  let filled = 0
  let position = 0
  let size = 0

  async function store(): Promise<void> {
    const { rowCount } = await pool.query(
      `WITH going_on AS (
         UPDATE tenon.uploads SET expires_at = now() + $4 * interval '1 ms' WHERE id = $1 RETURNING id)
       INSERT INTO tenon.upload_pieces (upload_id, position, bytes) SELECT id, $2, $3 FROM going_on`,
      [id, position, piece.subarray(0, filled), maxPauseMs],
    )
    if (rowCount === 0) throw new TenonError('UPLOAD_NOT_FOUND')
    position += 1
    filled = 0
  }

  return {
    id,
    async write(bytes) {
      for (let offset = 0; offset < bytes.length;) {
        const part = bytes.subarray(offset, offset + pieceBytes - filled)
        piece.set(part, filled)
        filled += part.length
        offset += part.length
        size += part.length
        if (filled === pieceBytes) await store()
      }
    },
    async end() {
      if (filled > 0) await store()
      piece = Buffer.alloc(0)
      const { rowCount } = await pool.query(
        `UPDATE tenon.uploads SET size = $2, held_bytes = $2, expires_at = created_at + $3 * interval '1 ms' WHERE id = $1`,
        [id, size, keptMs],
      )
      if (rowCount === 0) throw new TenonError('UPLOAD_NOT_FOUND')
      return size
    },
    async abandon() {
      await pool.query('DELETE FROM tenon.uploads WHERE id = $1', [id])
    },
  }
}
