import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { TenonError } from '@tenon/contract'

/** What a sealed value is bound to: opening it for another tenant, plugin or field fails. */
export interface SealContext {
  tenantId: string
  pluginKey: string
  field: string
}

export interface Sealer {
  /** AES-256-GCM under the current key. The answer is text: `v1.<key id>.<iv>.<ciphertext>.<tag>`, base64url. */
  seal(plaintext: string, context: SealContext): string
  /** @throws TenonError SEALED_VALUE_UNREADABLE when the key, the context or a byte differs. */
  open(sealed: string, context: SealContext): string
  /** True when the value was not sealed under the current key, and should be sealed again. */
  isOutdated(sealed: string): boolean
  /** Names the current key without telling anything of it; for a check before a restore. */
  readonly currentKeyId: string
}

interface SealingKey {
  id: string
  bytes: Buffer
}

/**
 * Seals what must not be readable in the database or a backup of it.
 *
 * @param secretKeys the operator's keys (`TENON_SECRET_KEY`, comma-separated): the first seals, all of them open.
 * @since 0.1.0
 */
export function createSealer(secretKeys: readonly string[]): Sealer {
  const keys = secretKeys.map(deriveKey)
  const current = keys[0]
  if (!current) throw new RangeError('createSealer needs at least one secret key')

  return {
    currentKeyId: current.id,
    seal(plaintext, context) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', current.bytes, iv).setAAD(associatedData(context))
      const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
      const parts = [iv, ciphertext, cipher.getAuthTag()].map((part) => part.toString('base64url'))
      return ['v1', current.id, ...parts].join('.')
    },
    open(sealed, context) {
      const [version, keyId, ...parts] = sealed.split('.')
      const [iv, ciphertext, tag] = parts.map((part) => Buffer.from(part, 'base64url'))
      const key = keys.find((candidate) => candidate.id === keyId)
      if (version !== 'v1' || !key || !iv || !ciphertext || tag?.length !== 16)
        throw new TenonError('SEALED_VALUE_UNREADABLE')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key.bytes, iv).setAAD(associatedData(context)).setAuthTag(tag)
        return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new TenonError('SEALED_VALUE_UNREADABLE', {}, { cause })
      }
    },
    isOutdated: (sealed) => sealed.split('.')[1] !== current.id,
  }
}

function deriveKey(secret: string): SealingKey {
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', 'tenon sealing key v1', 32))
  return { bytes, id: createHash('sha256').update('tenon key id').update(bytes).digest('base64url').slice(0, 8) }
}

function associatedData({ tenantId, pluginKey, field }: SealContext): Buffer {
  return Buffer.from(JSON.stringify([tenantId, pluginKey, field]))
}
