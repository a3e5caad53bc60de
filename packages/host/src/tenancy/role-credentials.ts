import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/**
 * The role of one owner (a plugin, or the plugins of one source) in one tenant. Opaque and of fixed length, because
 * Postgres cuts names at 63 bytes and two long plugin keys would share a role; unique on the server, because the
 * database's id is the key.
 */
export function roleName(databaseId: Buffer, organizationId: number, ownerKey: string): string {
  return opaqueName(databaseId, `role:${organizationId}:${ownerKey}`)
}

/** The role that all plugin roles of one database are members of. It owns nothing and cannot log in. */
export function groupRoleName(databaseId: Buffer): string {
  return opaqueName(databaseId, 'group')
}

function opaqueName(databaseId: Buffer, subject: string): string {
  const digest = createHmac('sha256', databaseId).update(subject).digest()
  let name = 'tn_'
  for (let i = 0; i < 20; i++) name += BASE32[(digest[i] ?? 0) & 31]
  return name
}

/** Every replica knows the password of every role, and none is stored. */
export function rolePassword(roleKey: Buffer, role: string): string {
  return createHmac('sha256', roleKey).update(`database-role:v1:${role}`).digest('base64url')
}

/**
 * The SCRAM verifier of a password, so that the password reaches neither the server nor its log. One iteration is
 * enough for a secret of 256 random bits, and makes a connection four times as fast as the server's 4,096.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const iterations = 1
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64')
  const storedKey = createHash('sha256').update(clientKey).digest('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}
