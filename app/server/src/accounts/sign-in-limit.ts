import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { type ErrorCode, TenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'

/** Attempts for one account from one address. */
const attemptsPerMinute = 10
/** Attempts from one address for whatever accounts: an office behind one address fits, guessing through a list does not. */
const attemptsPerAddressPerMinute = 50
/** Each makes a schema, so an address gets fewer of them. */
const registrationsPerAddressPerMinute = 20
const windowSeconds = 60

export interface SignInLimit {
  /** Counts one attempt. @throws TenonError LOGIN_LIMIT with the seconds to wait. */
  count(email: string, address: string): Promise<void>
  /** Counts one registration. @throws TenonError REGISTRATION_LIMIT with the seconds to wait. */
  countRegistration(address: string): Promise<void>
}

/** Counted in the database, so that replicas share it. What is stored does not tell who tried to sign in. */
export function createSignInLimit({ pool }: { pool: Pool }): SignInLimit {
  const accounts = createCounter(pool, 'sign-in', attemptsPerMinute, 'LOGIN_LIMIT')
  const addresses = createCounter(pool, 'sign-in-address', attemptsPerAddressPerMinute, 'LOGIN_LIMIT')
  const registrations = createCounter(pool, 'register', registrationsPerAddressPerMinute, 'REGISTRATION_LIMIT')
  return {
    async count(email, address) {
      // The address first: whoever is over its limit does not add a row for every account that is tried.
      await addresses([networkOf(address)])
      await accounts([email, networkOf(address)])
    },
    countRegistration: (address) => registrations([networkOf(address)]),
  }
}

function createCounter(pool: Pool, keyPrefix: string, points: number, refusal: ErrorCode) {
  const limiter = new RateLimiterPostgres({
    storeClient: pool,
    schemaName: 'public',
    tableName: 'request_limits',
    tableCreated: true,
    keyPrefix,
    points,
    duration: windowSeconds,
    clearExpiredByTimeout: true,
  })
  return async (counted: string[]): Promise<void> => {
    try {
      await limiter.consume(createHash('sha256').update(JSON.stringify(counted)).digest('base64url'))
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused
      throw new TenonError(refusal, { seconds: Math.max(1, Math.ceil(refused.msBeforeNext / 1000)) })
    }
  }
}

/** The /64 of an IPv6 address, which is what one customer of a provider gets at least; an IPv4 address as it is. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = (part = '') => part.split(':').filter(Boolean)
  const gap = tail === undefined ? 0 : Math.max(0, 8 - groups(head).length - groups(tail).length)
  const all = [...groups(head), ...Array<string>(gap).fill('0'), ...groups(tail)]
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
