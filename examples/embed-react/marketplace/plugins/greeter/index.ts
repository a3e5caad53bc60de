import { definePlugin } from '@tenon/sdk'

const tableOf = (tenantId: string) => `"${tenantId}".greeter_greetings`

export default definePlugin({
  metadata: {
    name: 'Greeter',
    version: '1.0.0',
    author: 'The example',
    description: 'Greets the people of an organization in words of its own.',
  },
  async install(_userId, tenantId, _config, { sequelize }) {
    await sequelize.query(
      `CREATE TABLE IF NOT EXISTS ${tableOf(tenantId)} (id serial PRIMARY KEY, words text NOT NULL)`,
    )
    return { success: true }
  },
  async uninstall(_userId, tenantId, { sequelize }) {
    await sequelize.query(`DROP TABLE IF EXISTS ${tableOf(tenantId)}`)
    return { success: true }
  },
  async configure() {
    return { success: true }
  },
  validateConfig(configuration) {
    const isLoud = configuration?.words === 'LOUD'
    return { valid: !isLoud, errors: isLoud ? ['Words must not be loud'] : [] }
  },
  router: {
    'GET /greetings': async ({ sequelize, tenantId }) => ({
      data: await sequelize.query(`SELECT id, words FROM ${tableOf(tenantId)} ORDER BY id`, { type: 'SELECT' }),
    }),
    'POST /import': async ({ file, sequelize, tenantId }) => {
      const lines = Buffer.from(file?.buffer ?? [])
        .toString()
        .split('\n')
      const words = lines.map((line) => line.trim()).filter(Boolean)
      for (const one of words) {
        await sequelize.query(`INSERT INTO ${tableOf(tenantId)} (words) VALUES (:one)`, { replacements: { one } })
      }
      return { data: { success: true, imported: words.length } }
    },
  },
})
