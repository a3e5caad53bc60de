import { parseArgs } from 'node:util'
import { type MeasurementName, measurementNames } from './measurement-names.js'

export interface BenchArguments {
  help: boolean
  rounds: number
  /** Where the figures go as JSON besides the table. */
  jsonFile?: string
  /** Whether a target that is not met makes the exit status 1. */
  failOnMiss: boolean
  /** Names of the measurements that are made; all when absent. */
  only?: MeasurementName[]
}

export const usage = `Usage: npm run bench -- [--rounds N] [--only NAME] [--json FILE] [--no-fail]

Measures this engine against the way of loading plugins that it replaces, both in one run.
Needs npm and a registry of packages; takes five to six minutes.

  --rounds N   rounds of installs and of calls, 1 to 20 (2)
  --only NAME  one of ${measurementNames.join(', ')}; may be repeated; loads takes
               about twenty minutes and is measured only when it is named
  --json FILE  also write the figures to a file
  --no-fail    exit with 0 although a target is not met
`

/** @throws Error in words for whoever typed it */
export function readArguments(argv: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '2' },
      only: { type: 'string', multiple: true },
      json: { type: 'string' },
      'no-fail': { type: 'boolean', default: false },
    },
  })
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 20) throw new Error('--rounds must be a number from 1 to 20')
  const only = values.only?.map(nameOf)
  return {
    help: values.help,
    rounds,
    failOnMiss: !values['no-fail'],
    ...(only === undefined ? {} : { only }),
    ...(values.json === undefined ? {} : { jsonFile: values.json }),
  }
}

function nameOf(text: string): MeasurementName {
  const name = measurementNames.find((known) => known === text)
  if (name === undefined) throw new Error(`--only must be one of: ${measurementNames.join(', ')}`)
  return name
}
