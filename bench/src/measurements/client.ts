import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Section } from '../report.js'

const run = promisify(execFile)
/** Built with the rest. It starts the whole product and a browser of its own. */
const script = fileURLToPath(new URL('../../../app/web/dist/browser/performance.js', import.meta.url))
const longestMs = 180_000

interface ClientFigures {
  scriptKilobytes: number
  largestPaintMs: number
  layoutShift: number
  interactionMs: number
  installationRequests: number
}

/** The page of 2,000 plugins, in a real browser on a processor that is four times slower. */
export async function measureClient(): Promise<Section> {
  const { stdout } = await run(process.execPath, [script], { timeout: longestMs })
  const figures = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ClientFigures
  return {
    title: 'The client: 2,000 plugins, processor slowed down 4 ×',
    rows: [
      {
        id: 'client-script',
        what: 'JavaScript of the first load, compressed',
        value: figures.scriptKilobytes,
        unit: 'kB',
        target: { atMost: 200 },
      },
      {
        id: 'client-paint',
        what: 'largest paint',
        value: figures.largestPaintMs,
        unit: 'ms',
        target: { atMost: 1_500 },
      },
      {
        id: 'client-shift',
        what: 'layout shift',
        value: figures.layoutShift,
        unit: 'shift',
        target: { atMost: 0.05 },
      },
      {
        id: 'client-interaction',
        what: 'longest interaction while filtering',
        value: figures.interactionMs,
        unit: 'ms',
        target: { atMost: 200 },
      },
      {
        id: 'client-requests',
        what: 'requests for the installations',
        value: figures.installationRequests,
        unit: 'requests',
        target: { atMost: 1 },
      },
    ],
  }
}
