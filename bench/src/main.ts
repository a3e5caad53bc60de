import { writeFile } from 'node:fs/promises'
import os from 'node:os'
import { readArguments, usage, type BenchArguments } from './arguments.js'
import { measure } from './measure.js'
import { formatReport, missedTargets, toJson } from './report.js'
import { startSurroundings } from './surroundings.js'

/** @returns the exit status */
async function bench({ rounds, jsonFile, failOnMiss, only }: BenchArguments): Promise<number> {
  const startedAt = performance.now()
  const surroundings = await startSurroundings()
  let interrupted = false
  process.once('SIGINT', () => {
    interrupted = true
    void surroundings.close()
  })
  const loads = [os.loadavg()[0]]
  try {
    const sections = await measure(surroundings, { rounds, only, onProgress: (what) => print(`… ${what}`) })
    loads.push(os.loadavg()[0])
    const machine = describeMachine(loads)
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    print(`\n${formatReport(sections)}\n${machine}; ${rounds} rounds, ${seconds} s`)
    if (jsonFile !== undefined)
      await writeFile(jsonFile, JSON.stringify({ machine, rounds, seconds, sections: toJson(sections) }, undefined, 2))
    const missed = missedTargets(sections)
    if (missed.length === 0) print('All targets are met.')
    for (const { id, what } of missed) print(`NOT MET: ${what} (${id})`)
    return missed.length > 0 && failOnMiss ? 1 : 0
  } catch (error) {
    if (interrupted) return 130
    throw error
  } finally {
    await surroundings.close()
  }
}

function describeMachine(loads: readonly (number | undefined)[]): string {
  const load = loads.map((value) => (value ?? 0).toFixed(1)).join(' to ')
  return `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${os.cpus().length} cores, load ${load}`
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2))
  if (!given.help) return bench(given)
  print(usage)
  return 0
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  return 2
})
