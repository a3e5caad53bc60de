import type { GroundPlugin } from '../ground.js'

/** A plugin with everything that an operator of the reference application grants at most, which sends what it is told. */
export const hostilePlugin: GroundPlugin = {
  key: 'doctor-sql',
  entry: {
    permissions: {
      database: {
        tenantSchema: true,
        tables: {
          risks: ['select', 'insert'],
          projects: ['select', 'insert', 'update'],
          model_inventories: ['select'],
          files: ['select'],
          file_entity_links: ['select', 'insert', 'delete'],
          'public.users': ['select'],
          'public.slack_webhooks': ['select', 'insert', 'update', 'delete'],
        },
      },
    },
  },
  files: {
    'index.ts': `
      async function send(sequelize: any, statements: any[], options: any) {
        const answers: any[] = []
        for (const sql of statements) {
          try {
            const answer = await sequelize.query(sql, options)
            const rows = Array.isArray(answer) && Array.isArray(answer[0]) ? answer[0] : []
            answers.push({ count: rows.length, rows: JSON.stringify(rows.slice(0, 50)).slice(0, 20000) })
          } catch (error: any) {
            answers.push({ error: String(error.message).slice(0, 2000), details: JSON.stringify(error.parent ?? {}).slice(0, 2000) })
          }
        }
        return answers
      }
      const held = new Map<string, () => void>()

      export async function install(userId: number, tenantId: string, config: any, context: any) {
        await context.sequelize.query('CREATE TABLE loot (a text)')
        await context.sequelize.query('CREATE TABLE diary (entry text)')
        return { success: true }
      }
      export async function uninstall() { return { success: true } }
      export async function configure(userId: number, tenantId: string, config: any, context: any) {
        const answers = await send(context.sequelize, config.statements ?? [], {})
        await context.sequelize.query('DELETE FROM diary').catch(() => {})
        await context.sequelize.query('INSERT INTO diary VALUES (:entry)', { replacements: { entry: JSON.stringify(answers) } })
        return { success: true }
      }
      export const metadata = {}
      export const router = {
        'POST /send': async ({ sequelize, body }: any) => {
          const { replacements, bind } = body
          const options = { ...(replacements ? { replacements } : {}), ...(bind ? { bind } : {}) }
          if (!body.inTransaction) return { data: await send(sequelize, body.statements, options) }
          const transaction = await sequelize.transaction()
          try {
            return { data: await send(sequelize, body.statements, { ...options, transaction }) }
          } finally {
            await transaction.commit().catch(() => {})
          }
        },
        'POST /hold': async ({ sequelize, body }: any) => {
          const transaction = await sequelize.transaction()
          const answers = await send(sequelize, body.statements, { transaction })
          console.log('holding ' + body.id)
          await new Promise<void>((resolve) => {
            held.set(body.id, resolve)
            setTimeout(resolve, body.holdMs)
          })
          await transaction.rollback().catch(() => {})
          return { data: answers }
        },
        'POST /release': async ({ body }: any) => {
          held.get(body.id)?.()
          return { data: null }
        },
      }`,
  },
}

/** A plugin with something to lose: a table and a webhook, both with this secret in them. */
export function plainPlugin(key: string, table: string, secret: string): GroundPlugin {
  return {
    key,
    entry: {
      permissions: {
        database: { tenantSchema: true, tables: { 'public.slack_webhooks': ['select', 'insert'] } },
      },
    },
    files: {
      'index.ts': `
        export async function install(userId: number, tenantId: string, config: any, context: any) {
          await context.sequelize.query("CREATE TABLE ${table} (secret text)")
          await context.sequelize.query("INSERT INTO ${table} VALUES ('${secret}')")
          await context.sequelize.query("INSERT INTO public.slack_webhooks (access_token, scope, team_name, team_id, channel, channel_id, configuration_url, url) VALUES ('${secret}', 'x', 'x', 'x', 'x', 'x', 'x', '${secret}')")
          return { success: true }
        }
        export async function uninstall() { return { success: true } }
        export const metadata = {}
        export const router = {
          'GET /work': async ({ sequelize }: any) => ({
            // Another text each time, so that it is read anew.
            data: await sequelize.query('SELECT secret AS s' + Date.now() + ' FROM ${table}', { type: 'SELECT' }),
          }),
        }`,
    },
  }
}
