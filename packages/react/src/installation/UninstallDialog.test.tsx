// @vitest-environment jsdom
import { useState } from 'react'
import { expect, it } from 'vitest'
import type { Plugin } from '../plugins/types.js'
import { held, setStage } from '../testing/stage.js'
import { UninstallDialog } from './UninstallDialog.js'

const stage = setStage()
const text = () => expect.poll(() => document.body.textContent)
const plugin = { key: 'any', displayName: 'Any', installationId: 3, installationStatus: 'installed' } as Plugin
const choose = (value: string) => document.querySelector<HTMLElement>(`input[type="radio"][value="${value}"]`)?.click()

it('says so when it is not known what would be erased', async () => {
  stage.show(<UninstallDialog plugin={plugin} onClose={() => undefined} />)
  choose('erase')
  await text().toContain('Its tables cannot be shown')
  stage.answers['GET /plugins/installations/3/tables'] = [{ name: 'notes', rows: 2 }]
  stage.click('Ask again')
  await text().toContain('about 2 rows')
})

it('asks for the tables of what it has removed no more', async () => {
  const tables = 'GET /plugins/installations/3/tables'
  stage.answers = {
    'GET /plugins/installations': [],
    [tables]: [{ name: 'notes', rows: 2 }],
    'DELETE /plugins/installations/3': 'gone',
  }
  let isDone = false
  stage.show(<UninstallDialog plugin={plugin} onClose={() => undefined} onDone={() => (isDone = true)} />)
  choose('keep')
  await text().toContain('about 2 rows')
  stage.click('Uninstall, keep data')
  await expect.poll(() => isDone).toBe(true)
  expect(stage.asked.filter((one) => one === tables)).toHaveLength(1)
})

it('tells its end also when it was closed meanwhile, and closes nothing that was opened then', async () => {
  const gone = held<string>()
  const done: string[] = []
  let closed = 0
  stage.answers = {
    'GET /plugins/installations': [],
    'GET /plugins/installations/3/tables': [],
    'DELETE /plugins/installations/3': () => gone.promise,
  }
  function Page() {
    const [leaving, setLeaving] = useState(true)
    return (
      <>
        <UninstallDialog
          plugin={leaving ? plugin : undefined}
          onClose={() => {
            closed += 1
            setLeaving(false)
          }}
          onDone={(choice) => done.push(choice)}
        />
        <button onClick={() => setLeaving(false)}>Elsewhere</button>
      </>
    )
  }
  stage.show(<Page />)
  choose('keep')
  await expect.poll(() => stage.named('Uninstall, keep data')).toBeDefined()
  stage.click('Uninstall, keep data')
  await expect.poll(() => stage.asked).toContain('DELETE /plugins/installations/3?data=keep')
  stage.click('Elsewhere')
  await expect.poll(() => document.querySelector('[role="dialog"]')).toBe(null)
  gone.answer('gone')
  await expect.poll(() => done).toEqual(['keep'])
  expect(closed).toBe(0)
})
