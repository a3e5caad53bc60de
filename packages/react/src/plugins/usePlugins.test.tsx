// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import { held, Refusal, setStage } from '../testing/stage.js'
import { usePlugins } from './usePlugins.js'

const stage = setStage()
const marketplace = 'GET /plugins/marketplace'
const installations = 'GET /plugins/installations'

/** All that the hook says. */
function Listed({ category }: { category?: string }) {
  const answer = usePlugins(category)
  const { plugins, loading, error, refetch } = answer
  if (Object.keys(answer).toSorted().join() !== 'error,loading,plugins,refetch') throw new Error('It has other parts')
  const words = plugins.map((plugin) => {
    const { key, installationId, installationStatus, installedAt } = plugin
    return [key, installationId, installationStatus, installedAt].filter((part) => part !== undefined).join(' ')
  })
  return (
    <>
      {`${loading ? 'loading' : 'there'}: ${words.join(', ')} ${error}`}
      <button aria-label="Again" onClick={refetch} />
    </>
  )
}

const installed = (id: number, pluginKey: string, more = {}) => ({
  id,
  pluginKey,
  status: 'installed',
  installedAt: null,
  configuration: null,
  ...more,
})

describe('the plugins of the marketplace', () => {
  it('are none while they are loaded, and both lists are asked at once', async () => {
    const [first, second] = [held<unknown>(), held<unknown>()]
    stage.answers = { [marketplace]: () => first.promise, [installations]: () => second.promise }
    stage.show(<Listed />)
    await expect.poll(() => stage.asked.length).toBe(2)
    await stage.shows('loading:  null')
    second.answer([])
    first.answer([{ key: 'a' }])
    await stage.shows('there: a null')
  })

  it('come with what is known of their installation, whichever way its key is said', async () => {
    const installedAt = '2026-05-03T10:00:00.000Z'
    stage.answers = {
      [marketplace]: [{ key: 'a' }, { key: 'b' }, { key: 'c' }],
      [installations]: [
        installed(7, 'a', { installedAt }),
        installed(8, 'old-name', { status: 'failed', plugin: { key: 'c' } }),
        installed(9, 'gone'),
      ],
    }
    stage.show(<Listed />)
    await stage.shows(`there: a 7 installed ${installedAt}, b, c 8 failed null`)
  })

  it('are shown without that when it cannot be had, which is no error', async () => {
    stage.answers = { [marketplace]: [{ key: 'a' }], [installations]: new Refusal(500, { data: 'Broken', code: 'X' }) }
    stage.show(<Listed />)
    await stage.shows('there: a null')
  })

  it('are replaced by the sentence of the server when they cannot be had', async () => {
    stage.answers = { [installations]: [] }
    stage.show(<Listed />)
    await stage.shows('there:  It is away')
  })

  it('are those of a category, and of another one when it changes', async () => {
    stage.answers = { [marketplace]: [{ key: 'a' }], [installations]: [] }
    stage.show(<Listed category="security" />)
    await stage.shows('there: a null')
    stage.answers[marketplace] = [{ key: 'b' }]
    stage.show(<Listed category="analytics" />)
    await stage.shows('there: b null')
    expect(stage.asked.filter((one) => one.startsWith(marketplace))).toEqual([
      `${marketplace}?category=security`,
      `${marketplace}?category=analytics`,
    ])
  })

  it('and what is installed are asked again on demand, also after an error', async () => {
    stage.answers = { [installations]: [] }
    stage.show(<Listed />)
    await stage.shows('there:  It is away')
    stage.answers = { [marketplace]: [{ key: 'a' }], [installations]: [installed(7, 'a')] }
    stage.click('Again')
    await stage.shows('there: a 7 installed null')
  })
})
