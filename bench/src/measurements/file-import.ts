import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { memoryOf, runnersBelow } from '../process-memory.js'
import type { Row, Section } from '../report.js'
import { writeRisks } from '../risk-files.js'

const rowCount = 100_000
const sampleEveryMs = 200
const longestMs = 600_000
const mebibyte = 1024 * 1024
const server = fileURLToPath(new URL('../../../app/server/dist/main.js', import.meta.url))

/** A file of as many risks as one may have, through the whole product: sent, stored, read, checked, committed. */
export async function measureFileImport(): Promise<Section> {
  const rows = [...(await measureKind('csv')), ...(await measureKind('xlsx'))]
  return { title: `${rowCount.toLocaleString('en')} risks from a file, through the whole product`, rows }
}

/** In a product of its own: what a process has grown by for one file, it need not for the next. */
async function measureKind(kind: 'csv' | 'xlsx'): Promise<Row[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenon-bench-file-'))
  // For the account that Postgres runs under when root measures.
  await chmod(directory, 0o711)
  const product = await startProduct(path.join(directory, 'data'))
  try {
    const file = path.join(directory, `risks.${kind}`)
    await writeRisks(file, kind, rowCount)
    const few = await smallFile(directory, kind)
    await product.check(few)
    await product.import(few)
    const before = await product.memory()
    const checked = await product.check(file)
    const made = await product.import(file)
    if (checked.rows !== rowCount) throw new Error(`Only ${checked.rows} of ${rowCount} rows can be imported.`)
    if (made.rows !== rowCount) throw new Error(`Only ${made.rows} of ${rowCount} rows were imported.`)
    return [
      { id: `file-${kind}-size`, what: `size, ${kind}`, value: (await stat(file)).size / mebibyte, unit: 'MB' },
      { id: `file-${kind}-check`, what: 'from sending it to checked', value: checked.ms, unit: 'ms' },
      ...grownBy(`file-${kind}-check`, checked.peak, before),
      { id: `file-${kind}`, what: 'from sending it to committed', value: made.ms, unit: 'ms' },
      { id: `file-${kind}-progress`, what: 'said how far it is', value: made.reports, unit: 'times' },
      ...grownBy(`file-${kind}`, made.peak, before),
    ]
  } finally {
    await product.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

function grownBy(id: string, peak: Memory, before: Memory): Row[] {
  if (process.platform === 'linux' && peak.plugins.size === 0) throw new Error('No process of the plugin was seen.')
  // A process that was not there before is compared with a blank one.
  const blank = Math.min(...before.plugins.values())
  const plugins = [...peak.plugins].map(([pid, bytes]) => bytes - (before.plugins.get(pid) ?? blank))
  const [host, plugin] = [peak.host - before.host, Math.max(...plugins)].map((bytes) => bytes / mebibyte)
  return [
    { id: `${id}-host`, what: 'host, grown by', value: host, unit: 'MB', target: { atMost: 100 } },
    { id: `${id}-plugin`, what: 'plugin, grown by', value: plugin, unit: 'MB', target: { atMost: 150 } },
  ]
}

/** What is loaded with the first file is not counted as growth. */
async function smallFile(directory: string, kind: 'csv' | 'xlsx'): Promise<string> {
  const file = path.join(directory, `few.${kind}`)
  await writeRisks(file, kind, 200)
  return file
}

/** In bytes. */
interface Memory {
  host: number
  /** Of each process for plugins, blank ones included. */
  plugins: Map<number, number>
}

interface Done {
  ms: number
  peak: Memory
  /** Without a mistake. */
  rows: number
}

interface Imported extends Done {
  /** How often its progress was another one. */
  reports: number
}

interface Product {
  memory(): Promise<Memory>
  check(file: string): Promise<Done>
  import(file: string): Promise<Imported>
  stop(): Promise<void>
}

async function startProduct(dataDir: string): Promise<Product> {
  const child = spawn(process.execPath, [server], {
    env: { PATH: process.env['PATH'], PORT: '0', TENON_DATA_DIR: dataDir, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await addressOf(child)
  const { token } = await ask<{ token: string }>(url, 'POST', '/auth/register', {
    organizationName: 'Measured',
    name: 'Ada',
    surname: 'Lovelace',
    email: 'ada@measured.example',
    password: 'correct horse battery',
  })
  await ask(url, 'POST', '/plugins/install', { pluginKey: 'risk-import' }, token)

  const memory = () => memoryOfProduct(child.pid ?? 0)
  return {
    memory,
    async check(file) {
      const form = await formOf(file)
      const peak = await memory()
      const sampled = setInterval(() => void memory().then((now) => raise(peak, now)), sampleEveryMs)
      const startedAt = performance.now()
      try {
        const { valid } = await ask<{ valid: number }>(url, 'POST', '/plugins/risk-import/check', form, token)
        return { ms: performance.now() - startedAt, peak, rows: valid }
      } finally {
        clearInterval(sampled)
      }
    },
    async import(file) {
      const form = await formOf(file)
      const startedAt = performance.now()
      const { runId } = await ask<{ runId: string }>(url, 'POST', '/plugins/risk-import/import', form, token)
      const peak = await memory()
      const seen = new Set<string>()
      while (performance.now() - startedAt < longestMs) {
        const run = await ask<Run>(url, 'GET', `/plugins/runs/${runId}`, undefined, token)
        seen.add(JSON.stringify(run.progress))
        if (run.finishedAt === null) {
          raise(peak, await memory())
          await sleep(sampleEveryMs)
          continue
        }
        if (run.state !== 'succeeded') throw new Error(`The import ended as ${run.state}: ${run.error?.message ?? ''}`)
        return { ms: performance.now() - startedAt, peak, reports: seen.size, rows: run.counts.imported ?? 0 }
      }
      throw new Error('The import does not end.')
    },
    async stop() {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

async function formOf(file: string): Promise<FormData> {
  const form = new FormData()
  form.set('file', new Blob([await readFile(file)]), path.basename(file))
  return form
}

function raise(peak: Memory, now: Memory): void {
  peak.host = Math.max(peak.host, now.host)
  for (const [pid, bytes] of now.plugins) peak.plugins.set(pid, Math.max(bytes, peak.plugins.get(pid) ?? 0))
}

interface Run {
  state: string
  finishedAt: string | null
  progress: unknown
  counts: { imported?: number }
  error?: { message: string } | null
}

async function addressOf(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('The server has no output.')
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /ready at (http\S+)/.exec(line) ?? []
    if (url !== undefined) {
      child.stdout.resume()
      return url
    }
  }
  throw new Error('The server has not started.')
}

async function ask<Answer>(
  url: string,
  method: string,
  address: string,
  body?: object,
  token?: string,
): Promise<Answer> {
  const isForm = body instanceof FormData
  const response = await fetch(`${url}/api${address}`, {
    method,
    headers: {
      prefer: 'respond-async',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
  })
  const answer = (await response.json()) as { data: Answer }
  if (!response.ok) throw new Error(`${method} ${address} was answered ${response.status}: ${JSON.stringify(answer)}`)
  return answer.data
}

async function memoryOfProduct(pid: number): Promise<Memory> {
  const plugins = new Map<number, number>()
  for (const runner of await runnersBelow(pid)) plugins.set(runner, (await memoryOf(runner))?.residentBytes ?? 0)
  return { host: (await memoryOf(pid))?.residentBytes ?? 0, plugins }
}
