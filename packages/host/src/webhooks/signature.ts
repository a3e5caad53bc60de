import { createHmac, randomBytes } from 'node:crypto'

const prefix = 'whsec_'

/** 32 random bytes in the notation of Standard Webhooks. */
export function newWebhookSecret(): string {
  return `${prefix}${randomBytes(32).toString('base64')}`
}

/**
 * Signs a delivery as Standard Webhooks does: HMAC-SHA256 over the id, the time and the raw body, so that a receiver can
 * tell that it is ours, that nothing was changed, and that it is not an old one sent again.
 *
 * @param timestamp in seconds
 */
export function signWebhook(secret: string, id: string, timestamp: number, body: string): string {
  const key = Buffer.from(secret.slice(prefix.length), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}
