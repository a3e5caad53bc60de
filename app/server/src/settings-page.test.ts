import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { projectDir } from './env.js'
import { settingsPage } from './settings-page.js'

it('keeps docs/settings.md in step with the settings', async () => {
  const page = join(projectDir, 'docs/settings.md')
  if (process.env['UPDATE_DOCS']) await writeFile(page, settingsPage())
  expect(await readFile(page, 'utf8')).toBe(settingsPage())
})
