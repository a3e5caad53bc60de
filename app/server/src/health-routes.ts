import { TenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import * as z from 'zod'
import { type Route, route } from './http/route.js'
import type { PluginHostPort } from './plugin-host-port.js'

interface HealthRoutesOptions {
  pool: Pool
  host: Pick<PluginHostPort, 'health'>
  version: string
  /** False before the server has started and after it was told to stop. */
  isReady: () => boolean
}

/** Anybody may ask, so the address of the marketplace, which may carry a password, is not part of it. */
const healthSchema = z
  .object({
    status: z.enum(['ok', 'degraded']),
    version: z.string(),
    database: z.enum(['ok', 'unreachable']),
    tier: z.string().describe('Strength of the sandbox that plugins run in'),
    tiersNotTaken: z
      .array(z.object({ tier: z.string(), reason: z.string() }))
      .describe('Stronger sandboxes that plugins do not run in here, and why'),
    databaseHardened: z
      .boolean()
      .describe('Whether the database itself refuses plugins what the statement guard refuses them'),
    processes: z.int().describe('Plugin processes that run now'),
    marketplace: z.object({
      fetchedAt: z.string().nullable(),
      stale: z.boolean(),
      entries: z.int(),
      error: z.object({ code: z.string() }).optional(),
    }),
  })
  .meta({ id: 'Health' })

/** How long a database may take to answer before the server calls itself not ready. */
const databaseTimeoutMs = 2_000

export function healthRoutes({ pool, host, version, isReady }: HealthRoutesOptions): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/health',
      tag: 'Operation',
      summary: 'State of the server and its parts',
      access: 'anybody',
      answer: healthSchema,
      async handle() {
        const [database, parts] = await Promise.all([databaseAnswers(pool), host.health()])
        const status = database && parts.marketplace.error === undefined ? 'ok' : 'degraded'
        return { ...parts, status, version, database: database ? 'ok' : 'unreachable' } as const
      },
    }),
    route({
      method: 'get',
      path: '/api/ready',
      tag: 'Operation',
      summary: 'Whether the server takes requests; 503 when it does not',
      access: 'anybody',
      answer: z.object({ ready: z.literal(true) }),
      async handle() {
        if (!isReady()) throw new TenonError('SHUTTING_DOWN')
        if (!(await databaseAnswers(pool)))
          throw new TenonError('NOT_READY', { reason: 'the database does not answer' })
        return { ready: true } as const
      },
    }),
  ]
}

async function databaseAnswers(pool: Pool): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), databaseTimeoutMs)
  })
  const answered = pool.query('SELECT 1').then(
    () => true,
    () => false,
  )
  return Promise.race([answered, late]).finally(() => clearTimeout(timer))
}
