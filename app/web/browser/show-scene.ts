import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { Scene } from './scene.js'
import { settle, signIn, stall, visit, type Visitor } from './visitor.js'
import { people, type Person } from './world.js'

type StorageState = Exclude<BrowserContextOptions['storageState'], string | undefined>

/** Signs everybody in once; their cookies are used for all scenes. */
export async function signInEverybody(browser: Browser, baseURL: string): Promise<Map<Person, StorageState>> {
  const states = new Map<Person, StorageState>()
  for (const [person, email] of Object.entries(people)) {
    const { page, context, close } = await visit(browser, { baseURL })
    await page.goto('/')
    await signIn(page, email)
    states.set(person as Person, await context.storageState())
    await close()
  }
  return states
}

/** Opens a page as the person of the scene sees it. */
export async function showScene(visitor: Visitor, scene: Scene, states: Map<Person, StorageState>): Promise<Page> {
  const { context } = visitor
  const page = visitor.page
  await context.setOffline(false)
  await context.clearCookies()
  if (scene.as) await context.addCookies(states.get(scene.as)?.cookies ?? [])
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await scene.before?.(page)
  await page.goto(scene.path)
  if (scene.unsettled) await stall(page)
  else await settle(page)
  if (scene.then) {
    await scene.then(page)
    // What it did may still be on its way to the screen.
    await page.waitForTimeout(150)
  }
  return page
}
