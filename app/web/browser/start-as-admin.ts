import type { Browser, Page } from 'playwright-core'
import { startBrowser } from './find-browser.js'
import { type Api, registerOverApi } from './people.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { signIn, visit, type Visitor } from './visitor.js'

/** A product of its own, and the admin of its only organization, signed in. */
export interface SignedInAdmin {
  tenon: Tenon
  browser: Browser
  /** The same person, over the API. */
  admin: Api
  visitor: Visitor
  page: Page
  close(): Promise<void>
}

interface Beginning {
  email: string
  /** Where the admin comes in. */
  path: string
  environment?: Record<string, string>
  /** What is done before the admin comes. */
  prepare?: (admin: Api) => Promise<unknown>
  ignoreHTTPSErrors?: boolean
}

/** Starts the product and a browser, in which an admin signs in. Whatever was started ends when something fails. */
export async function startAsAdmin({ email, path, environment, prepare, ...view }: Beginning): Promise<SignedInAdmin> {
  const [tenon, browser] = await Promise.all([startTenon(environment), startBrowser()])
  const close = async (): Promise<void> => {
    await browser.close()
    await tenon.stop()
  }
  try {
    const admin = await registerOverApi(tenon.url, 'Acme', email)
    await prepare?.(admin)
    const visitor = await visit(browser, { baseURL: tenon.url, ...view })
    await visitor.page.goto(path)
    await signIn(visitor.page, email)
    return { tenon, browser, admin, visitor, page: visitor.page, close }
  } catch (error) {
    await close()
    throw error
  }
}
