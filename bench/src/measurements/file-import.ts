import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { memoryOf, runnersBelow } from '../process-memory.js'
import type { Section } from '../report.js'
import { writeRisks } from '../risk-files.js'

const rowCount = 100_000
const sampleEveryMs = 200
const longestMs = 600_000
const mebibyte = 1024 * 1024
const server = fileURLToPath(new URL('../../../app/server/dist/main.js', import.meta.url))

/** A file of as many risks as one may have, through the whole product: sent, stored, read, checked, committed. */
export async function measureFileImport(): Promise<Section> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenon-bench-file-'))
  // For the account that Postgres runs under when root measures.
  await chmod(directory, 0o711)
  const product = await startProduct(path.join(directory, 'data'))
  try {
    const rows = []
    for (const kind of ['csv', 'xlsx'] as const) {
      const file = path.join(directory, `risks.${kind}`)
      await writeRisks(file, kind, rowCount)
      await product.import(await smallFile(directory, kind))
      const before = await product.memory()
      const { ms, peak, reports, imported } = await product.import(file)
      if (imported !== rowCount) throw new Error(`Only ${imported} of ${rowCount} rows were imported.`)
      if (process.platform === 'linux' && peak.plugin === 0) throw new Error('No process of the plugin was seen.')
      rows.push(
        {
          id: `file-${kind}-size`,
          what: `size, ${kind}`,
          value: (await stat(file)).size / mebibyte,
          unit: 'MB',
        } as const,
        { id: `file-${kind}`, what: 'from sending it to committed', value: ms, unit: 'ms' } as const,
        { id: `file-${kind}-progress`, what: 'said how far it is', value: reports, unit: 'times' } as const,
        {
          id: `file-${kind}-host`,
          what: 'host, grown by',
          value: (peak.host - before.host) / mebibyte,
          unit: 'MB',
          target: { atMost: 100 },
        } as const,
        {
          id: `file-${kind}-plugin`,
          what: 'plugin, grown by',
          value: (peak.plugin - before.plugin) / mebibyte,
          unit: 'MB',
          // A workbook keeps its texts in a list beside the rows, which has to be at hand as a whole.
          ...(kind === 'csv' ? { target: { atMost: 150 } } : {}),
        } as const,
      )
    }
    return { title: `${rowCount.toLocaleString('en')} risks from a file, through the whole product`, rows }
  } finally {
    await product.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** What is loaded with the first file is not counted as growth. */
async function smallFile(directory: string, kind: 'csv' | 'xlsx'): Promise<string> {
  const file = path.join(directory, `few.${kind}`)
  await writeRisks(file, kind, 200)
  return file
}

interface Memory {
  host: number
  plugin: number
}

interface Imported {
  ms: number
  peak: Memory
  /** How often its progress was another one. */
  reports: number
  imported: number
}

interface Product {
  memory(): Promise<Memory>
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
    async import(file) {
      const form = new FormData()
      form.set('file', new Blob([await readFile(file)]), path.basename(file))
      const startedAt = performance.now()
      const { runId } = await ask<{ runId: string }>(url, 'POST', '/plugins/risk-import/import', form, token)
      const peak = await memory()
      const seen = new Set<string>()
      while (performance.now() - startedAt < longestMs) {
        const run = await ask<Run>(url, 'GET', `/plugins/runs/${runId}`, undefined, token)
        seen.add(JSON.stringify(run.progress))
        if (run.finishedAt === null) {
          const now = await memory()
          peak.host = Math.max(peak.host, now.host)
          peak.plugin = Math.max(peak.plugin, now.plugin)
          await sleep(sampleEveryMs)
          continue
        }
        if (run.state !== 'succeeded') throw new Error(`The import ended as ${run.state}: ${run.error?.message ?? ''}`)
        return { ms: performance.now() - startedAt, peak, reports: seen.size, imported: run.counts.imported ?? 0 }
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

/** Of the processes of plugins the largest: there is one plugin, and blank runners beside it. */
async function memoryOfProduct(pid: number): Promise<Memory> {
  const runners = await Promise.all((await runnersBelow(pid)).map(memoryOf))
  const sizes = runners.map((memory) => memory?.residentBytes ?? 0)
  return { host: (await memoryOf(pid))?.residentBytes ?? 0, plugin: Math.max(0, ...sizes) }
}
