import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBrowser } from './find-browser.js'
import type { Scene } from './scene.js'
import { scenes } from './scenes.js'
import { showScene, signInEverybody } from './show-scene.js'
import { startTenon } from './start-tenon.js'
import { visit } from './visitor.js'
import { fillWorld } from './world.js'

const target = fileURLToPath(new URL('../../screenshots/', import.meta.url))
const usage = `Usage: npm run screenshots -- [NAME...]

Draws every page in every state at 360, 768 and 1440 pixels, light and dark, into ${target}
With names, only the pages whose name has one of them in it, such as "risks" or "models-empty".
`

/** What is to be drawn. Ends the program when it was asked for help, or for what there is not. */
function wantedScenes(parts: string[]): Scene[] {
  if (parts.includes('--help') || parts.includes('-h')) {
    process.stdout.write(usage)
    process.exit()
  }
  const unknown = parts.filter((part) => !scenes.some(({ name }) => name.includes(part)))
  if (unknown.length > 0) {
    const names = scenes.map(({ name }) => name).join(', ')
    process.stderr.write(`No page has ${unknown.join(' or ')} in its name. There are: ${names}\n`)
    process.exit(2)
  }
  return scenes.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)))
}

const wanted = wantedScenes(process.argv.slice(2))
const widths = [360, 768, 1440]
const colours = ['light', 'dark'] as const

const tenon = await startTenon()
const browser = await startBrowser()
try {
  await fillWorld(tenon)
  const states = await signInEverybody(browser, tenon.url)
  for (const colorScheme of colours) {
    for (const width of widths) {
      const folder = join(target, `${width}-${colorScheme}`)
      await mkdir(folder, { recursive: true })
      const visitor = await visit(browser, { baseURL: tenon.url, width, height: width < 700 ? 760 : 900, colorScheme })
      for (const scene of wanted) {
        try {
          const page = await showScene(visitor, scene, states)
          await page.screenshot({ path: join(folder, `${scene.name}.png`), fullPage: !scene.then })
        } catch (error) {
          // The others are worth looking at all the same.
          process.exitCode = 1
          process.stderr.write(`${scene.name}: ${String(error)}\n`)
        }
      }
      await visitor.close()
      process.stdout.write(`${folder}\n`)
    }
  }
} finally {
  await browser.close()
  await tenon.stop()
}
