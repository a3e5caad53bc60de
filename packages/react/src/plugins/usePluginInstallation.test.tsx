// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest'
import type { ApiError } from '../api/ApiError.js'
import { aRun } from '../runs/testing/aRun.js'
import { held, Refusal, setStage } from '../testing/stage.js'
import { useInstallations } from './queries.js'
import { usePluginInstallation, type UsePluginInstallation } from './usePluginInstallation.js'

const stage = setStage()
const install = 'POST /plugins/install'
const installations = 'GET /plugins/installations'

const installation = (id: number, pluginKey: string) => ({ id, pluginKey, status: 'installed', configuration: null })

/** What the hook gives, to a component that shows what is under way. */
let hook: UsePluginInstallation
function Actor() {
  hook = usePluginInstallation()
  return <Words {...hook} />
}
/** Another component of the page. */
const Spectator = () => <Words {...usePluginInstallation()} />

function Words({ isInstalling, isUninstalling }: Pick<UsePluginInstallation, 'isInstalling' | 'isUninstalling'>) {
  const keys = ['a', 'b', 'c'].filter(isInstalling)
  const ids = [1, 2, 3].filter(isUninstalling)
  return <>{`[${[...keys, ...ids].join()}]`}</>
}

/** Two that use the hook, and one that shows what is installed. */
function Page() {
  const { data = [] } = useInstallations()
  return (
    <>
      <Actor />
      <Spectator />
      {` ${data.map(({ pluginKey }) => pluginKey).join()}`}
    </>
  )
}

const errorOf = async (work: Promise<unknown>) => (await work.catch((error: unknown) => error)) as ApiError

beforeEach(async () => {
  stage.answers = { [installations]: [] }
  stage.show(<Page />)
  await stage.shows('[][] ')
})

describe('installing', () => {
  it('answers the installation, and says until then that it goes on, to all of the page', async () => {
    const answer = held<unknown>()
    let sent: unknown
    stage.answers[install] = (body: unknown) => {
      sent = body
      return answer.promise
    }
    const work = hook.install('a', { permissions: ['network'] })
    await stage.shows('[a][a] ')
    stage.answers[installations] = [installation(1, 'a')]
    answer.answer(installation(1, 'a'))
    expect(await work).toEqual(installation(1, 'a'))
    expect(sent).toEqual({ pluginKey: 'a', permissions: ['network'] })
    await stage.shows('[][] a')
  })

  it('may go on for several at once, each by itself', async () => {
    const answers = { a: held<unknown>(), b: held<unknown>() }
    stage.answers[install] = ({ pluginKey }: { pluginKey: 'a' | 'b' }) => answers[pluginKey].promise
    const [a, b] = [hook.install('a'), hook.install('b')]
    await stage.shows('[a,b][a,b] ')
    answers.b.answer(installation(2, 'b'))
    await b
    await stage.shows('[a][a] ')
    answers.a.answer(installation(1, 'a'))
    await a
    await stage.shows('[][] ')
  })

  it('as a run lasts until the run has ended', async () => {
    const run = aRun({ installationId: 1, pluginKey: 'a', kind: 'install', action: 'install' })
    const end = held<unknown>()
    stage.answers[install] = { runId: run.id }
    stage.answers[`GET /plugins/runs/${run.id}`] = () => end.promise
    const work = hook.install('a')
    await expect.poll(() => stage.asked).toContain(`GET /plugins/runs/${run.id}`)
    await stage.shows('[a][a] ')
    stage.answers[installations] = [installation(1, 'a')]
    end.answer({ ...run, state: 'succeeded' })
    expect(await work).toEqual(installation(1, 'a'))
    await stage.shows('[][] a')
  })

  it('throws why a run failed, what was undone, and what to do', async () => {
    const run = aRun({
      installationId: 1,
      pluginKey: 'a',
      state: 'failed',
      step: 'prepare',
      error: { code: 'PLUGIN_THREW', kind: 'plugin', message: 'It gave up.', nextStep: 'Ask its publisher.' },
    })
    stage.answers[install] = { runId: run.id }
    stage.answers[`GET /plugins/runs/${run.id}`] = run
    const error = await errorOf(hook.install('a'))
    expect(error).toMatchObject({ message: 'It gave up.', code: 'PLUGIN_THREW' })
    expect(error.details).toEqual({
      runId: run.id,
      undone: 'Its place in the database was removed and its process ended.',
      nextStep: 'Ask its publisher.',
    })
    await stage.shows('[][] ')
  })

  it('throws what the server refused, and goes on no more', async () => {
    stage.answers[install] = new Refusal(409, { data: 'It is installed already', code: 'ALREADY_INSTALLED' })
    const error = await errorOf(hook.install('a'))
    expect(error).toMatchObject({ message: 'It is installed already', status: 409, code: 'ALREADY_INSTALLED' })
    await stage.shows('[][] ')
  })
})

describe('uninstalling', () => {
  it('says until its end that it goes on, and what is installed is asked again', async () => {
    stage.answers[installations] = [installation(1, 'a')]
    await stage.client.invalidateQueries()
    await stage.shows('[][] a')
    const answer = held<unknown>()
    stage.answers['DELETE /plugins/installations/1'] = () => answer.promise
    const work = hook.uninstall(1, { data: 'keep' })
    await stage.shows('[1][1] a')
    expect(stage.asked.at(-1)).toBe('DELETE /plugins/installations/1?data=keep')
    stage.answers[installations] = []
    answer.answer('Plugin uninstalled successfully')
    expect(await work).toBe(undefined)
    await stage.shows('[][] ')
  })

  it('may go on for several at once, and throws what the server refused', async () => {
    const answers = [held<unknown>(), held<unknown>()]
    stage.answers['DELETE /plugins/installations/1'] = () => answers[0]?.promise
    stage.answers['DELETE /plugins/installations/2'] = () => answers[1]?.promise
    const [first, second] = [errorOf(hook.uninstall(1)), hook.uninstall(2)]
    await stage.shows('[1,2][1,2] ')
    answers[0]?.answer(new Refusal(404, { data: 'It is gone', code: 'INSTALLATION_NOT_FOUND' }))
    expect(await first).toMatchObject({ message: 'It is gone', status: 404, code: 'INSTALLATION_NOT_FOUND' })
    await stage.shows('[2][2] ')
    answers[1]?.answer('Plugin uninstalled successfully')
    await second
    await stage.shows('[][] ')
  })
})

it('disabling and enabling are asked at their endpoints', async () => {
  stage.answers['POST /plugins/installations/1/disable'] = installation(1, 'a')
  stage.answers['POST /plugins/installations/1/enable'] = new Refusal(422, { data: 'It does not start', code: 'X' })
  await hook.setEnabled(1, false)
  expect(await errorOf(hook.setEnabled(1, true))).toMatchObject({ message: 'It does not start' })
})
