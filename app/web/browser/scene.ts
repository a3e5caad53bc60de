import type { Page } from 'playwright-core'
import type { Person } from './world.js'

/** A page in a state, as somebody sees it. */
export interface Scene {
  name: string
  /** Nobody, or who is signed in. */
  as?: Person
  path: string
  /** Before the page is opened: what the network does. */
  before?: (page: Page) => Promise<unknown>
  /** After it was opened: what the person does. */
  then?: (page: Page) => Promise<unknown>
  /** The scene is about waiting, so nothing is waited for. */
  unsettled?: boolean
}
