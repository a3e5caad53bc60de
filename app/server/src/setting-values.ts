import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { ConnectionGrant } from '@tenon/contract'
import { parseAllowPrivate, parseHostMap } from '@tenon/host'
import * as z from 'zod'

/** What the value of one setting must look like. Every schema takes the text of an environment variable. */

export const portSchema = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port from 0 (any free one) to 65535')
  .transform(Number)
  .refine((port) => port <= 65_535, 'must be a port from 0 (any free one) to 65535')

export const positiveIntegerSchema = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, 'must be a whole number from 1 on')
  .transform(Number)

export const flagSchema = z
  .enum(['true', 'false', '1', '0'], 'must be true or false')
  .transform((value) => value === 'true' || value === '1')

export const hostSchema = z
  .string()
  .refine(
    (value) => isIP(value) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(value),
    'must be a name or an address',
  )

export const postgresUrlSchema = z.string().refine(
  // `postgres://user:password@/database?host=/folder` names a socket; the URL standard wants a host all the same
  (value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value.replace('@/', '@localhost/')),
  'must look like postgres://user:password@host:5432/database',
)

export const webAddressSchema = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be an http or https address',
  )

/** An address that paths are appended to, without the slash at its end. */
export const baseAddressSchema = webAddressSchema
  .refine((value) => !/[?#]/.test(value), 'must not have a ? or #')
  .transform((value) => value.replace(/\/+$/, ''))

/** An http(s) address of a `plugins.json`, or a path. */
export const marketplaceSchema = z.string().refine((value) => {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(value)) return true
  return webAddressSchema.safeParse(value).success
}, 'must be an http(s) address of a plugins.json, or a path')

/** Shortest secret that is accepted: 32 characters are 128 bits even when they are hexadecimal digits. */
const minSecretLength = 32

export const secretSchema = z.string().min(minSecretLength, `must have at least ${minSecretLength} characters`)

export const secretListSchema = listOf(secretSchema)

export const emailListSchema = listOf(z.string().toLowerCase().pipe(z.email('must be email addresses')))

/** Express's `trust proxy`: how many proxies stand in front, or which addresses they have. `true` would trust anybody. */
export const trustProxySchema = z
  .string()
  .refine(
    (value) => value !== 'true',
    'must be false, a number of proxies, or their addresses; true would let every client choose its address',
  )
  .transform((value): boolean | number | string[] => {
    if (value === 'false' || value === '0') return false
    return /^\d+$/.test(value) ? Number(value) : value.split(',').map((address) => address.trim())
  })
  .refine(
    (value) => !Array.isArray(value) || value.every(isProxyAddress),
    'must be false, a number of proxies, or their addresses such as loopback,10.0.0.0/8',
  )

/** Private networks that plugins may reach when operator and admin both agree. */
export const privateRangesSchema = parsedBy(parseAllowPrivate)

/** Where a name is really found, for demonstrations and tests. */
export const hostMapSchema = parsedBy(parseHostMap)

const connectionSchema = z.strictObject({
  clientId: z.string(),
  clientSecret: z.string(),
  authorizeUrl: webAddressSchema,
  tokenUrl: webAddressSchema,
  revokeUrl: webAddressSchema.optional(),
  pkce: z.boolean().optional(),
  scopeSeparator: z.string().optional(),
  audience: z.array(z.string()).min(1),
  scopes: z.array(z.string()).optional(),
})

/** A file, because it holds secrets and is long. */
export const connectionsFileSchema = parsedBy((file): Record<string, ConnectionGrant> => {
  const parsed = z.record(z.string(), connectionSchema).safeParse(JSON.parse(readFileSync(file, 'utf8')))
  if (!parsed.success) throw new Error(parsed.error.issues.map(problemIn).join('; '))
  return parsed.data as Record<string, ConnectionGrant>
})

function problemIn(issue: z.core.$ZodIssue): string {
  const place = issue.path.join('.')
  return issue.code === 'unrecognized_keys'
    ? `${place} has no field ${issue.keys.join(', ')}`
    : `${place} ${issue.message}`
}

/** The plugin host itself reads the setting, so that both understand it the same way. */
function parsedBy<Value>(parse: (text: string) => Value) {
  return z.string().transform((value, context) => {
    try {
      return parse(value)
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: `is not understood: ${(error as Error).message.replace(/^[A-Z_]+: /, '')}`,
      })
      return z.NEVER
    }
  })
}

function listOf(item: z.ZodType<string, string>) {
  return z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean),
    )
    .pipe(z.array(item).min(1, 'must not be an empty list'))
}

function isProxyAddress(value: string): boolean {
  return ['loopback', 'linklocal', 'uniquelocal'].includes(value) || isNetwork(value)
}

function isNetwork(value: string): boolean {
  const [address = '', bits] = value.split('/')
  const family = isIP(address)
  return family !== 0 && (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
}
