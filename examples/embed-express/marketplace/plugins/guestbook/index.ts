import { definePlugin } from '@tenon/sdk'

export default definePlugin({
  metadata: {
    name: 'Guestbook',
    version: '1.0.0',
    author: 'The example',
    description: 'Keeps what the people of an organization write into it.',
  },
  async install(_userId, _tenantId, _configuration, { sequelize }) {
    await sequelize.query('CREATE TABLE guestbook_entries (id serial PRIMARY KEY, user_id integer, text text NOT NULL)')
    return { success: true }
  },
  async uninstall(_userId, _tenantId, { sequelize }) {
    await sequelize.query('DROP TABLE IF EXISTS guestbook_entries')
    return { success: true }
  },
  router: {
    'GET /entries': async ({ sequelize }) => ({
      data: await sequelize.query('SELECT user_id, text FROM guestbook_entries ORDER BY id', { type: 'SELECT' }),
    }),
    'POST /entries': async ({ sequelize, userId, body }) => {
      const { text } = body as { text: string }
      await sequelize.query('INSERT INTO guestbook_entries (user_id, text) VALUES (:userId, :text)', {
        replacements: { userId, text },
      })
      return { status: 201, data: { text } }
    },
  },
})
