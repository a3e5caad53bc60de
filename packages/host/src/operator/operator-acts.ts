import type { Audit } from '../audit/index.js'
import type { Block, Blocks, BlockTarget } from './blocks.js'

/** What an operator does, each with its entry in the audit. */
export interface OperatorActs {
  blocks(): Promise<Block[]>
  block(target: BlockTarget, reason: string, userId: number): Promise<Block>
  /** @throws TenonError NOT_FOUND */
  unblock(id: number, userId: number): Promise<Block>
}

export function createOperatorActs({ blocks, audit }: { blocks: Blocks; audit: Pick<Audit, 'record'> }): OperatorActs {
  const record = (action: string, { pluginKey, digest, reason }: Block, userId: number) =>
    audit.record({ userId, pluginKey: pluginKey ?? undefined, action, outcome: 'done', details: { digest, reason } })

  return {
    blocks: blocks.list,
    async block(target, reason, userId) {
      const block = await blocks.add(target, reason, userId)
      await record('block', block, userId)
      return block
    },
    async unblock(id, userId) {
      const block = await blocks.remove(id)
      await record('unblock', block, userId)
      return block
    },
  }
}
