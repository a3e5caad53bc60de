import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startDeadline } from '../egress/deadline.js'
import type { BundleReport, BundleRequest } from './bundle-process.js'
import { readReport } from './bundle-report.js'
import { spawnGroup } from './run-process.js'

/** Of one report; the code itself does not travel on this way. */
const maxReportLength = 1_000_000
const maxErrorLength = 10_000
/** The bundler parses code of strangers: its JavaScript heap ends here. */
const heapMb = 512

/** A confined process that bundles what lies in one staging folder, as often as it is asked. */
export interface Bundler {
  /** @throws BundlerError */
  bundle(): Promise<BundleReport>
  /** Resolves when the process has gone. */
  end(): Promise<void>
}

/** Its message is what went wrong, in words that fit after the name of the plugin. */
export class BundlerError extends Error {
  override readonly name = 'BundlerError'
}

interface BundlerOptions {
  request: BundleRequest
  /** Of one round. */
  timeoutMs: number
  signal: AbortSignal
}

export function startBundler({ request, timeoutMs, signal }: BundlerOptions): Bundler {
  const { script, nodeOptions } = (located ??= locate())
  const ended = new AbortController()
  const kill = (): void => ended.abort()
  signal.addEventListener('abort', kill)
  const child = spawnGroup(
    {
      command: process.execPath,
      args: [...nodeOptions(request.staging), script, JSON.stringify(request)],
      cwd: request.staging,
      env: { GOMAXPROCS: '2' },
    },
    ['pipe', 'pipe', 'pipe'],
    ended.signal,
  )
  let waiting: { resolve: (report: BundleReport) => void; reject: (error: Error) => void } | undefined
  let received = ''
  let complaints = ''
  let failure: Error | undefined

  function fail(error: Error): void {
    failure ??= error
    waiting?.reject(failure)
    kill()
  }

  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    received += text
    if (received.length > maxReportLength) return fail(new BundlerError('the bundler says too much'))
    const length = received.indexOf('\n')
    if (length < 0) return
    const report = readReport(received.slice(0, length))
    if (!report) return fail(new BundlerError('the bundler says something that is no report'))
    received = received.slice(length + 1)
    waiting?.resolve(report)
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-maxErrorLength)
  })
  // It has ended: that is told below.
  child.stdin?.on('error', () => undefined)
  child.once('error', fail)
  // A process that could not be started does not always say that it is closed.
  const closed = new Promise<void>((resolve) =>
    ['close', 'error'].forEach((event) => child.once(event, () => resolve())),
  )
  void closed.then(() => {
    signal.removeEventListener('abort', kill)
    fail(new BundlerError('the bundler ended early', { cause: new Error(complaints) }))
  })

  return {
    async bundle() {
      if (failure) throw failure
      const deadline = startDeadline(timeoutMs, signal)
      try {
        return await new Promise<BundleReport>((resolve, reject) => {
          waiting = { resolve, reject }
          deadline.signal.addEventListener('abort', () =>
            fail(new BundlerError(`bundling took longer than ${timeoutMs / 1000} seconds`)),
          )
          child.stdin?.write('\n')
        })
      } finally {
        deadline.clear()
        waiting = undefined
      }
    },
    end() {
      kill()
      return closed
    },
  }
}

interface Location {
  script: string
  nodeOptions: (staging: string) => string[]
}

let located: Location | undefined

/**
 * The bundler's script, and Node's options that let it read the staging folder, itself and esbuild, and write nothing but
 * its result. It is always the compiled file, also when this one is run from its source.
 */
function locate(): Location {
  const packageFolder = realpathSync(fileURLToPath(new URL('../..', import.meta.url)))
  const script = join(packageFolder, 'dist', 'artifacts', 'bundle-process.js')
  const readable = [
    join(packageFolder, 'package.json'),
    join(packageFolder, 'dist', 'artifacts', '*'),
    ...esbuildFolders().map((folder) => join(folder, '*')),
  ]
  const permission = Number(process.versions.node.split('.')[0]) < 22 ? '--experimental-permission' : '--permission'
  return {
    script,
    nodeOptions: (staging) => [
      '--no-warnings',
      `--max-old-space-size=${heapMb}`,
      permission,
      '--allow-child-process',
      ...[...readable, join(staging, '*')].map((path) => `--allow-fs-read=${path}`),
      `--allow-fs-write=${join(staging, 'out', '*')}`,
    ],
  }
}

/**
 * Where esbuild and its binaries are. pnpm makes links of packages: Node is asked for the link, and then for what it
 * points to, so both must be readable.
 */
function esbuildFolders(): string[] {
  const candidates = createRequire(import.meta.url).resolve.paths('esbuild') ?? []
  const found = candidates
    .map((folder) => join(folder, 'esbuild'))
    .find((folder) => existsSync(join(folder, 'package.json')))
  if (found === undefined) throw new BundlerError('esbuild is not installed')
  const esbuild = realpathSync(found)
  const ofBinaries = join(dirname(esbuild), '@esbuild')
  const binaries = existsSync(ofBinaries)
    ? readdirSync(ofBinaries).map((name) => realpathSync(join(ofBinaries, name)))
    : []
  return [...new Set([found, esbuild, ofBinaries, ...binaries])]
}
