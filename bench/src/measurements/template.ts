import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { BuiltTemplate, TemplateBuilderCommands, TemplateBuilderInput } from '../hosts/template-builder.js'
import { type Row, type Section } from '../report.js'
import { median, p95 } from '../statistics.js'
import type { Surroundings } from '../surroundings.js'

const users = 50
/** Until both have been compiled. */
const warmUps = 5
const perRound = 15
const pluginDir = fileURLToPath(new URL('../../../marketplace/plugins/risk-import', import.meta.url))
/** What is needed of risk-import. */
const entry = `
  export { columns, headerOf } from './columns'
  export { peopleOf, labelOf } from './people'
  export { buildTemplate } from './template'`

/** The template of risk-import, against the same columns with a rule for each cell. */
export async function measureTemplate(surroundings: Surroundings, rounds: number): Promise<Section> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenon-bench-template-'))
  try {
    const bundle = path.join(directory, 'risk-import.cjs')
    await build({
      stdin: { contents: entry, resolveDir: pluginDir, loader: 'ts' },
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'silent',
    })
    const input: TemplateBuilderInput = { bundle, users }
    const builder = await surroundings.startProcess<TemplateBuilderCommands>('template-builder', input)
    const ours: BuiltTemplate[] = []
    const cellByCell: BuiltTemplate[] = []
    for (let turn = 0; turn < warmUps + perRound * rounds; turn += 1) {
      ours.push(await builder.ask('ours'))
      cellByCell.push(await builder.ask('cellByCell'))
    }
    const unmerged = await builder.ask('unmerged')
    await builder.stop()
    return sectionOf(ours.slice(warmUps), cellByCell.slice(warmUps), unmerged)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function sectionOf(
  ours: readonly BuiltTemplate[],
  cellByCell: readonly BuiltTemplate[],
  unmerged: BuiltTemplate,
): Section {
  const times = (id: string, what: string, built: readonly BuiltTemplate[]): Row => {
    const ms = built.map((one) => one.ms)
    return { id: `template-${id}`, what, value: median(ms), p95: p95(ms), unit: 'ms' }
  }
  const [slow = NaN, fast = NaN] = [cellByCell, ours].map((built) => median(built.map(({ ms }) => ms)))
  const [large = NaN, small = NaN] = [cellByCell, ours].map(([built]) => built?.bytes)
  return {
    title: `Template of risk-import with ${users} users`,
    rows: [
      times('ours', 'made by the plugin', ours),
      times('seed', 'a rule for each cell', cellByCell),
      { id: 'template-faster', what: 'faster', value: slow / fast, unit: 'times', target: { atLeast: 10 } },
      { id: 'template-size', what: 'size', value: small / 1024, unit: 'kB' },
      { id: 'template-cells-size', what: 'size with a rule for each cell', value: unmerged.bytes / 1024, unit: 'kB' },
      {
        id: 'template-ratio',
        what: 'of that size',
        value: small / unmerged.bytes,
        unit: 'times',
        target: { atMost: 0.1 },
      },
      { id: 'template-seed-size', what: 'size with the rules that exceljs merges', value: large / 1024, unit: 'kB' },
      { id: 'template-seed-ratio', what: 'of that size', value: small / large, unit: 'times' },
    ],
  }
}
