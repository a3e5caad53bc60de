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

/** `npm run screenshots -- [parts of names]`: every page and state, narrow to wide, light and dark. */
const target = fileURLToPath(new URL('../../screenshots/', import.meta.url))
const wanted = process.argv.slice(2)
const isWanted = ({ name }: Scene) => wanted.length === 0 || wanted.some((part) => name.includes(part))
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
      for (const scene of scenes.filter(isWanted)) {
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
