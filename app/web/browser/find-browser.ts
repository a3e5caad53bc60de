import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { unpackCarriedBrowser } from './carried-browser.js'

type Environment = Readonly<Record<string, string | undefined>>

const commands = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/**
 * Starts a Chromium: the one in CHROME_PATH, one that is installed, Playwright's own, or else the one that an npm
 * package carries, which needs nothing of the machine.
 *
 * @throws Error when CHROME_PATH names something that does not start: nothing else is taken in its place
 */
export async function startBrowser(environment: Environment = process.env): Promise<Browser> {
  const chosen = environment['CHROME_PATH']
  if (chosen) {
    return launch(chosen).catch((cause: unknown) => {
      throw new Error(`CHROME_PATH is ${chosen}, which does not start. Correct it, or leave it out.`, { cause })
    })
  }
  const [found] = installedBrowsers(environment)
  if (found !== undefined) return launch(found)
  const carried = await unpackCarriedBrowser()
  return chromium.launch(carried)
}

function launch(executablePath: string): Promise<Browser> {
  // A container's root has no user namespaces to build the browser's own sandbox from.
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}

/** Those that there are on this machine, the one to take first. */
export function installedBrowsers(environment: Environment, own = chromium.executablePath()): string[] {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const candidates = [
    ...commands.flatMap((command) => folders.map((folder) => join(folder, command))),
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    own,
  ]
  return candidates.filter(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
