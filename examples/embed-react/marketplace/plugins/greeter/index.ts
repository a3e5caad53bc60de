import { definePlugin } from '@tenon/sdk'

export default definePlugin({
  metadata: {
    name: 'Greeter',
    version: '1.0.0',
    author: 'The example',
    description: 'Greets the people of an organization in words of its own.',
  },
  async install() {
    return { success: true }
  },
  async uninstall() {
    return { success: true }
  },
  async configure() {
    return { success: true }
  },
  validateConfig(configuration) {
    const isLoud = configuration?.words === 'LOUD'
    return { valid: !isLoud, errors: isLoud ? ['Words must not be loud'] : [] }
  },
  router: { 'GET /greeting': async ({ configuration }) => ({ data: [{ words: configuration.words }] }) },
})
