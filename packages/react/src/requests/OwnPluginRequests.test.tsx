// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import { setStage } from '../testing/stage.js'
import { OwnPluginRequests } from './OwnPluginRequests.js'
import { PluginRequestStatus } from './PluginRequestStatus.js'

const stage = setStage()

const plugin = { key: 'chat', displayName: 'Chat', description: '', installable: false, refusals: ['reads too much'] }
const declined = {
  id: 3,
  pluginKey: 'chat',
  plugin: 'Chat',
  state: 'declined',
  requestedBy: 1,
  requestedAt: '2026-05-03T10:00:00.000Z',
  endedAt: '2026-05-04T10:00:00.000Z',
}
const answer = () => {
  stage.answers = {
    'GET /plugins/requests': { items: [declined], total: 1 },
    'GET /plugins/marketplace': [plugin],
    'GET /plugins/installations': [],
  }
}
const whyNot = (name: string) => {
  const button = stage.named(name)
  const id = button.getAttribute('aria-describedby') ?? ''
  return button.getAttribute('aria-disabled') === 'true' && document.getElementById(id)?.textContent
}

describe('a plugin that cannot be installed here', () => {
  it('is not asked for again, and says why, in the list of what the person asked for', async () => {
    answer()
    stage.show(<OwnPluginRequests />)
    await expect.poll(() => stage.page.textContent).toContain('Ask again')
    expect(whyNot('Ask again for Chat')).toBe('It reads too much.')
  })

  it('is not asked for, and says why, on its page', async () => {
    answer()
    stage.show(<PluginRequestStatus plugin={plugin as never} />)
    await expect.poll(() => stage.page.textContent).toContain('Ask again')
    expect(whyNot('Ask again')).toBe('It reads too much.')
  })
})
