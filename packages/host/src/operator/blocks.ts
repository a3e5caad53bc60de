import { TenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { Notifications } from '../notifications/index.js'

/** What an operator keeps from running, for every organization: a plugin, or exact code. */
export interface Block {
  id: number
  pluginKey: string | null
  /** SHA-256 of the code. */
  digest: string | null
  reason: string
  blockedBy: number
  blockedAt: string
}

export type BlockTarget = { pluginKey: string } | { digest: string }

export interface Blocks {
  list(): Promise<Block[]>
  /** Blocks a plugin or a digest; repeated, it changes the reason. Every replica stops what runs of it. */
  add(target: BlockTarget, reason: string, userId: number): Promise<Block>
  /** @throws TenonError NOT_FOUND */
  remove(id: number): Promise<Block>
  /** What keeps this from running, as far as this replica knows: at most some seconds late. */
  find(plugin: { pluginKey: string; digest?: string | undefined }): Block | undefined
  /** Looks now, and stops what runs of what is blocked. */
  refresh(): Promise<void>
  start(): void
  stop(): Promise<void>
}

interface BlocksOptions {
  pool: Pool
  notifications: Pick<Notifications, 'subscribe'>
  /** Ends processes on this replica. */
  stopRunning: (target: BlockTarget) => Promise<void>
  log: (event: string, fields: Record<string, unknown>) => void
  /** Between two looks, should a notification get lost; in milliseconds. */
  pollMs?: number
}

export function createBlocks({ pool, notifications, stopRunning, log, pollMs = 15_000 }: BlocksOptions): Blocks {
  let known: readonly Block[] = []
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()

  async function look(): Promise<void> {
    const { rows } = await pool.query<BlockRow>(selectBlocks)
    known = rows.map(toBlock)
    // Each time: a process may have been on its way while the block came.
    await Promise.all(known.flatMap(targetsOf).map(stopRunning))
  }

  const refresh = (): Promise<void> => (looking = looking.catch(() => undefined).then(look))
  const lookAgain = () =>
    void refresh().catch((error: unknown) =>
      log('blocks-failed', { reason: error instanceof Error ? error.message : String(error) }),
    )
  notifications.subscribe('tenon_blocks', { heard: lookAgain, missed: lookAgain })

  return {
    async list() {
      const { rows } = await pool.query<BlockRow>(selectBlocks)
      return rows.map(toBlock)
    },
    async add(target, reason, userId) {
      const column = 'pluginKey' in target ? 'plugin_key' : 'digest'
      const { rows } = await pool.query<BlockRow>(
        `INSERT INTO tenon.blocks (${column}, reason, blocked_by) VALUES ($1, $2, $3)
         ON CONFLICT (${column}) DO UPDATE SET reason = excluded.reason, blocked_by = excluded.blocked_by RETURNING *`,
        ['pluginKey' in target ? target.pluginKey : target.digest, reason, userId],
      )
      await refresh()
      return toBlock(rows[0] as BlockRow)
    },
    async remove(id) {
      const { rows } = await pool.query<BlockRow>('DELETE FROM tenon.blocks WHERE id = $1 RETURNING *', [id])
      if (!rows[0]) throw new TenonError('NOT_FOUND', { message: 'There is no such block.' })
      await refresh()
      return toBlock(rows[0])
    },
    find: ({ pluginKey, digest }) =>
      known.find((block) => block.pluginKey === pluginKey || (digest !== undefined && block.digest === digest)),
    refresh,
    start() {
      timer = setInterval(lookAgain, pollMs).unref()
    },
    async stop() {
      clearInterval(timer)
      await looking.catch(() => undefined)
    },
  }
}

/** @throws TenonError PLUGIN_BLOCKED */
export function assertNotBlocked(
  blocks: Pick<Blocks, 'find'>,
  { plugin, ...target }: { plugin: string; pluginKey: string; digest?: string | undefined },
): void {
  const block = blocks.find(target)
  if (block) throw new TenonError('PLUGIN_BLOCKED', { plugin, reason: block.reason })
}

const selectBlocks = 'SELECT * FROM tenon.blocks ORDER BY blocked_at DESC, id DESC'

interface BlockRow {
  id: number
  plugin_key: string | null
  digest: string | null
  reason: string
  blocked_by: number
  blocked_at: Date
}

function toBlock(row: BlockRow): Block {
  return {
    id: row.id,
    pluginKey: row.plugin_key,
    digest: row.digest,
    reason: row.reason,
    blockedBy: row.blocked_by,
    blockedAt: row.blocked_at.toISOString(),
  }
}

function targetsOf({ pluginKey, digest }: Block): BlockTarget[] {
  return [...(pluginKey === null ? [] : [{ pluginKey }]), ...(digest === null ? [] : [{ digest }])]
}
