import { mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { isJsonObject } from '@tenon/contract'
import { walkLargeFolder } from './large-folder.js'
import { runProcess } from './run-process.js'

export interface NpmOptions {
  /** Path of `npm-cli.js`; looked for beside Node and in PATH when absent. */
  cliPath?: string
  /** The registry; what `npm config get registry` says when absent. */
  registry?: string
  /** An npmrc of the operator's, for tokens and certificates. A plugin never sees or sets it. */
  npmUserConfig?: string
}

export interface NpmInstall {
  /** The folder that gets `node_modules`. */
  directory: string
  /** Exactly these packages, with checked version ranges. */
  dependencies: Readonly<Record<string, string>>
  timeoutMs: number
  maxInstalledBytes: number
  signal?: AbortSignal | undefined
}

export interface Npm {
  /** Looks up in advance what the first install needs to know. Failing is left to the install. */
  prepare: () => Promise<void>
  /** @throws NpmError in words that fit after "could not be installed:". */
  install: (install: NpmInstall) => Promise<void>
}

export class NpmError extends Error {
  override readonly name = 'NpmError'
}

/** The settings of the machine that a client needs to reach a registry at all. */
const networkVariables = [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
]

const maxOutputBytes = 64_000

/**
 * npm, for packages of plugins. D-3: no scripts, no environment, no configuration but the operator's, and only packages
 * of the registry, also for the packages that packages depend on.
 *
 * @param cacheDir a folder for npm's cache, which verifies by itself what it holds
 */
export function createNpm(options: NpmOptions, cacheDir: string): Npm {
  let located: Promise<{ cli: string; registry: string }> | undefined

  async function locate(): Promise<{ cli: string; registry: string }> {
    const cli = options.cliPath ?? (await findCli())
    return { cli, registry: options.registry ?? (await configuredRegistry(cli)) }
  }

  const findOnce = () =>
    (located ??= locate().catch((error: unknown) => {
      located = undefined
      throw error
    }))

  return {
    prepare: () =>
      findOnce().then(
        () => undefined,
        () => undefined,
      ),
    async install({ directory, dependencies, timeoutMs, maxInstalledBytes, signal }) {
      const { cli, registry } = await findOnce()
      const home = join(directory, 'home')
      await mkdir(home, { recursive: true })
      await writeFile(join(directory, 'package.json'), JSON.stringify({ private: true, dependencies }))
      const result = await runProcess({
        command: process.execPath,
        args: [cli, 'install', ...settings({ registry, cacheDir, home, npmUserConfig: options.npmUserConfig })],
        cwd: directory,
        env: { ...networkEnvironment(), HOME: home, PATH: join(home, 'bin') },
        timeoutMs,
        maxOutputBytes,
        signal,
      })
      if (result.timedOut) throw new NpmError(`npm did not finish within ${timeoutMs / 1000} seconds`)
      if (result.exitCode !== 0) throw new NpmError(summary(result.stderr))
      await checkLock(directory)
      await checkSize(join(directory, 'node_modules'), maxInstalledBytes)
    },
  }
}

function settings(of: {
  registry: string
  cacheDir: string
  home: string
  npmUserConfig: string | undefined
}): string[] {
  return [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--omit=dev',
    '--prefer-offline',
    '--no-update-notifier',
    '--loglevel=error',
    '--logs-max=0',
    '--bin-links=false',
    '--package-lock=true',
    // What packages depend on is as much the attacker's text as the plugin: the registry only.
    '--allow-git=none',
    '--allow-remote=none',
    '--allow-file=none',
    '--allow-directory=none',
    `--registry=${of.registry}`,
    `--cache=${of.cacheDir}`,
    `--userconfig=${of.npmUserConfig ?? join(of.home, 'no-user.npmrc')}`,
    `--globalconfig=${join(of.home, 'no-global.npmrc')}`,
  ]
}

function networkEnvironment(): Record<string, string> {
  const set = networkVariables.map((name) => [name, process.env[name]] as const)
  return Object.fromEntries(set.filter((pair): pair is [string, string] => pair[1] !== undefined))
}

/** npm that does not know the settings above would have installed such things: nothing of it may be used. */
async function checkLock(directory: string): Promise<void> {
  const lock: unknown = JSON.parse(await readFile(join(directory, 'package-lock.json'), 'utf8'))
  const packages = isJsonObject(lock) && isJsonObject(lock.packages) ? Object.entries(lock.packages) : []
  for (const [path, facts] of packages) {
    if (path === '' || !isJsonObject(facts)) continue
    const { link, resolved } = facts
    if (link === true || (typeof resolved === 'string' && !/^https?:\/\//.test(resolved))) {
      throw new NpmError(`${path.replace(/^.*node_modules\//, '')} does not come from the registry`)
    }
  }
}

async function checkSize(directory: string, maxBytes: number): Promise<void> {
  let total = 0
  for await (const { path, isFile } of walkLargeFolder(directory)) {
    if (!isFile) continue
    total += (await stat(path)).size
    if (total > maxBytes) throw new NpmError(`they take more than ${maxBytes} bytes`)
  }
}

async function findCli(): Promise<string> {
  const beside = dirname(process.execPath)
  const inPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const candidates = [
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    ...inPath.map((folder) => join(folder, 'npm')),
  ]
  for (const candidate of candidates) {
    const found = await realpath(candidate).catch(() => undefined)
    if (found?.endsWith('npm-cli.js') === true) return found
  }
  throw new NpmError('npm was not found on this machine')
}

async function configuredRegistry(cli: string): Promise<string> {
  const { HOME = tmpdir(), PATH = '' } = process.env
  const npmSettings = Object.entries(process.env).filter(([name]) => /^npm_config_/i.test(name))
  const env = { HOME, PATH, ...(Object.fromEntries(npmSettings) as Record<string, string>) }
  const args = [cli, 'config', 'get', 'registry', '--loglevel=silent']
  const result = await runProcess({
    command: process.execPath,
    args,
    cwd: tmpdir(),
    env,
    timeoutMs: 20_000,
    maxOutputBytes,
  })
  const registry = result.stdout.trim()
  if (!URL.canParse(registry)) throw new NpmError('npm does not say which registry it uses')
  return registry
}

/** The lines in which npm says what is wrong, without its advice and its paths. */
function summary(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !/^(A complete log|code |errno |syscall |path |This is|node_modules)/.test(line))
  return lines.slice(0, 4).join(' ').slice(0, 500) || 'npm failed without saying why'
}
