import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)
const repository = path.resolve(import.meta.dirname, '../..')
const ofHost = ['contract', 'runner', 'host', 'embedded-postgres']

/** An example, and what it is made of. */
export interface Example {
  directory: string
  /** Folders of our packages that it uses beside those of the host. */
  packages?: readonly string[]
  /** Packages of others that it installs, in the versions that this repository is tested with. */
  dependencies: readonly string[]
  /** The same, for what is only built or type-checked. */
  devDependencies: readonly string[]
}

/** An example, outside of the repository, with the packages installed as they would be published. */
export interface InstalledCopy {
  /** Starts `server.mjs` with plain Node. `stop` answers the code that it ended with. */
  start(settings?: Record<string, string>): Promise<{ url: string; stop(): Promise<number | null> }>
  /** Type-checks one file in the folder. @returns what the compiler says; nothing when all is well */
  typeCheck(file: string, options?: readonly string[]): Promise<string>
  /** Runs a command that one of its packages brings. */
  run(command: string, args: string[]): Promise<void>
  /** Stops what was started, too. */
  remove(): Promise<void>
}

export async function installCopy(example: Example): Promise<InstalledCopy> {
  const ours = [...ofHost, ...(example.packages ?? [])]
  const directory = await mkdtemp(path.join(tmpdir(), 'tenon-embed-'))
  // When the test runs as root, the embedded Postgres has another account, which must be able to pass.
  await chmod(directory, 0o755)
  const application = path.join(directory, 'application')
  const environment = { PATH: process.env.PATH, TMPDIR: path.join(directory, 'tmp'), PORT: '0' }
  const servers: RunningServer[] = []
  const remove = async () => {
    for (const server of servers) await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await mkdir(environment.TMPDIR)
    const isSource = (file: string) =>
      !/[\\/](node_modules|dist|\.tenon)([\\/]|$)/.test(path.relative(example.directory, file))
    await cp(example.directory, application, { recursive: true, filter: isSource })
    await writePackageFiles(application, example, await pack(ours, path.join(directory, 'packed')))
    await npm(application, ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'])
  } catch (error) {
    await remove()
    throw error
  }
  return {
    async start(settings) {
      const server = start(application, { ...environment, ...settings })
      servers.push(server)
      return { url: await server.url, stop: server.stop }
    },
    typeCheck: (file, options) => typeCheck(application, file, options),
    async run(command, args) {
      const bin = path.join(application, 'node_modules', '.bin', command)
      await run(bin, args, { cwd: application, shell: process.platform === 'win32' })
    },
    remove,
  }
}

/** @returns the path of each package's archive, by the package's name. */
async function pack(ours: readonly string[], destination: string): Promise<Map<string, string>> {
  await mkdir(destination)
  const workspaces = ours.flatMap((name) => ['--workspace', `packages/${name}`])
  await npm(repository, ['pack', '--ignore-scripts', '--pack-destination', destination, ...workspaces])
  return new Map(ours.map((name) => [`@tenon/${name}`, `file:${path.join(destination, `tenon-${name}-0.1.0.tgz`)}`]))
}

interface LockEntry {
  version?: string
  link?: boolean
}

/** The application's own package.json, and a lock that names the versions which this repository is tested with. */
async function writePackageFiles(application: string, example: Example, archives: Map<string, string>): Promise<void> {
  const root = JSON.parse(await readFile(path.join(repository, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockEntry>
  }
  const locked = Object.entries(root.packages).flatMap(([place, entry]): [string, LockEntry][] => {
    const here = place.replace(/^packages\/(.+?)\/node_modules\//, 'node_modules/@tenon/$1/node_modules/')
    return here.startsWith('node_modules/') && entry.link !== true ? [[here, entry]] : []
  })
  const versionOf = (name: string): [string, string] => [name, root.packages[`node_modules/${name}`]?.version ?? '']
  const manifest = {
    name: path.basename(example.directory),
    private: true,
    dependencies: Object.fromEntries([...example.dependencies.map(versionOf), ...archives]),
    devDependencies: Object.fromEntries(example.devDependencies.map(versionOf)),
  }
  const lock = { name: manifest.name, lockfileVersion: 3, packages: Object.fromEntries(locked) }
  await writeFile(path.join(application, 'package.json'), JSON.stringify(manifest))
  await writeFile(path.join(application, 'package-lock.json'), JSON.stringify(lock))
}

async function npm(cwd: string, args: string[]): Promise<void> {
  await run('npm', args, { cwd, shell: process.platform === 'win32' })
}

interface RunningServer {
  url: Promise<string>
  stop(): Promise<number | null>
}

function start(cwd: string, env: Record<string, string | undefined>): RunningServer {
  const child = spawn(process.execPath, ['server.mjs'], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  return {
    url: firstLine(child),
    async stop() {
      if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit')
      return child.exitCode
    },
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let complaint = ''
    child.stderr?.on('data', (text: Buffer) => (complaint += text.toString()))
    child.once('exit', (code) => reject(new Error(`server.mjs ended with ${code}: ${complaint}`)))
    if (child.stdout) createInterface(child.stdout).once('line', resolve)
  })
}

async function typeCheck(cwd: string, file: string, more: readonly string[] = []): Promise<string> {
  const compiler = path.join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
  const options = [
    '--noEmit',
    '--skipLibCheck',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--noUncheckedIndexedAccess',
  ]
  const platform = more.length > 0 ? more : ['--target', 'es2022', '--module', 'nodenext', '--types', 'node']
  return run(process.execPath, [compiler, ...options, ...platform, file], { cwd }).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
}
