import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const commands = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/**
 * Starts a Chromium: the one in CHROME_PATH, one that is installed, Playwright's own, or else the one that an npm
 * package carries, which needs nothing of the machine.
 */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROME_PATH'] ?? installedBrowser()
  if (executablePath !== undefined) {
    // A container's root has no user namespaces to build the browser's own sandbox from.
    return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
  }
  const carried = (await import('@sparticuz/chromium')).default
  const args = [
    ...carried.args.filter((argument) => !weakening.test(argument) && !graphics.test(argument)),
    '--disable-gpu',
  ]
  return chromium.launch({ executablePath: await carried.executablePath(), args })
}

/**
 * The package is made for scraping. With these, pages of strangers would read ours, and the tests would prove nothing;
 * and in a single process the whole browser ends with its first context.
 */
const weakening =
  /^--(disable-web-security|disable-site-isolation-trials|allow-running-insecure-content|single-process|no-zygote)$/

/** What draws with a graphics card that is not there, on the processor: most of what a page would cost. */
const graphics =
  /^--(use-gl|use-angle|enable-unsafe-swiftshader|ignore-gpu-blocklist|in-process-gpu|disable-gpu-sandbox)/

function installedBrowser(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const candidates = [
    ...folders.flatMap((folder) => commands.map((command) => join(folder, command))),
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    chromium.executablePath(),
  ]
  return candidates.find((path) => path !== '' && existsSync(path))
}
