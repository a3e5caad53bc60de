import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installedBrowsers, startBrowser } from './find-browser.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenon-browsers-'))
  await chmod(folder, 0o777)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A folder of programs, as there are in PATH. */
async function folderWith(name: string, ...programs: string[]): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  for (const program of programs) await writeFile(join(path, program), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  return path
}

describe('the browser that tests are run in', () => {
  it('is Chromium, then Chrome, wherever in PATH they are, then the one of Playwright', async () => {
    const first = await folderWith('first', 'google-chrome')
    const second = await folderWith('second', 'google-chrome', 'chromium')
    const own = join(await folderWith('playwright', 'chrome'), 'chrome')
    const found = installedBrowsers({ PATH: `${first}:${second}` }, own).filter((path) => path.startsWith(folder))
    expect(found).toEqual([join(second, 'chromium'), join(first, 'google-chrome'), join(second, 'google-chrome'), own])
  })

  it('is a program: no folder of that name, and no file that cannot be run', async () => {
    const path = await folderWith('other-things', 'google-chrome')
    await mkdir(join(path, 'chromium'))
    await writeFile(join(path, 'chromium-browser'), 'Read me', { mode: 0o644 })
    const found = installedBrowsers({ PATH: path }, '').filter((one) => one.startsWith(folder))
    expect(found).toEqual([join(path, 'google-chrome')])
  })

  it.each([
    ['is not there', 'nowhere'],
    ['does not start', 'broken/chromium'],
  ])('is the one of CHROME_PATH, or none when that %s', async (_, name) => {
    await mkdir(join(folder, 'broken'), { recursive: true })
    await writeFile(join(folder, 'broken/chromium'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    const path = join(folder, name)
    const start = startBrowser({ ...process.env, CHROME_PATH: path })
    await expect(start).rejects.toThrow(`CHROME_PATH is ${path}, which does not start. Correct it, or leave it out.`)
  })
})

// The package carries a browser for this kind of machine only.
const isCarried = process.platform === 'linux' && process.arch === 'x64'

describe.runIf(isCarried)('where no browser is installed', { timeout: 120_000 }, () => {
  it('the one that a package carries draws pages, for two at once, without root and with libraries of its own', async () => {
    const temporary = join(folder, 'temporary')
    await mkdir(temporary)
    await chmod(temporary, 0o777)
    const account = await notRoot()
    const [one, other] = await Promise.all([drawPage(temporary, account), drawPage(temporary, account)])
    expect([one, other]).toEqual([one, one])
    expect(one).toMatchObject({ title: 'Drawn', isPicture: true })
    expect(one.executablePath).toMatch(new RegExp(`^${temporary}/tenon-chromium-[0-9.]+-${one.user}/chromium$`))
    expect(one.user).toBe(account.uid ?? process.getuid?.())
    expect(one.foreignLibraries).toEqual([])
  })
})

interface Drawn {
  title: string
  isPicture: boolean
  user: number
  executablePath: string
  /** Of the browser, beside those of the C library: none of the machine. */
  foreignLibraries: string[]
}

interface Account {
  uid?: number
  gid?: number
}

const script = fileURLToPath(new URL('fixtures/draw-page.mjs', import.meta.url))
const nobody = { uid: 65_534, gid: 65_534 }

/** Whoever runs the tests; for root somebody else, unless these files are where only root can read them. */
async function notRoot(): Promise<Account> {
  if (process.getuid?.() !== 0) return {}
  const read = promisify(execFile)(process.execPath, ['--check', script], { cwd: dirname(script), ...nobody })
  return read.then(
    () => nobody,
    () => ({}),
  )
}

/** Starts the browser as `npm test` does on a bare machine. */
async function drawPage(temporary: string, account: Account): Promise<Drawn> {
  const { stdout } = await promisify(execFile)(process.execPath, [script], {
    cwd: dirname(script),
    env: { PATH: '/nowhere', HOME: temporary, TMPDIR: temporary },
    ...account,
  })
  return JSON.parse(stdout) as Drawn
}
