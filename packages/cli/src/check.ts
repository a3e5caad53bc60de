import { Command, CommanderError } from 'commander'
import type { Finding } from './check/finding.js'
import { readPluginFolders } from './check/plugin-folder.js'
import { points } from './check/points.js'
import type { Output } from './output.js'

/** What became of one of the twelve points. */
export interface CheckedPoint {
  title: string
  findings: Finding[]
}

export interface CheckedPlugin {
  key: string
  points: CheckedPoint[]
}

const examples = `
Examples:
  tenon check plugins/asset-sync     one plugin
  tenon check plugins                every plugin in that folder
  tenon check                        the plugin, or every plugin of the marketplace, in this folder`

/** `tenon check`: the list of the guide, point by point, with file, line and what to do. */
export function checkCommand(output: Output): Command {
  return new Command('check')
    .description('see what a plugin still lacks')
    .argument('[folder]', 'folder of a plugin, of several, or of plugins.json', '.')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action(async (folder: string, flags: { json?: boolean }) => {
      const plugins = await checkPlugins(folder)
      output.out(flags.json === true ? `${JSON.stringify(plugins, undefined, 2)}\n` : plugins.map(describe).join('\n'))
      const errors = plugins.flatMap((plugin) => plugin.points).flatMap(({ findings }) => findings.filter(isError))
      if (errors.length > 0) throw new CommanderError(1, 'tenon.check', '')
    })
}

/** Looks at the plugins below a folder. Nothing of them is run. @throws NotFoundException */
export async function checkPlugins(folder: string): Promise<CheckedPlugin[]> {
  const plugins = await readPluginFolders(folder)
  return plugins.map((plugin) => ({
    key: plugin.key,
    points: points.map(({ title, check }) => ({ title, findings: check(plugin) })),
  }))
}

const isError = ({ severity }: Finding): boolean => severity === 'error'

function describe({ key, points: checked }: CheckedPlugin): string {
  const lines = checked.map(({ title, findings }) => {
    const mark = findings.some(isError) ? '✗' : findings.length > 0 ? '!' : '✓'
    const below = findings.map(({ severity, file, line, message }) => `      ${file}:${line}  ${severity}  ${message}`)
    return [`  ${mark} ${title}`, ...below].join('\n')
  })
  const all = checked.flatMap(({ findings }) => findings)
  const errors = all.filter(isError).length
  const summary = all.length === 0 ? 'nothing to do' : `${errors} to correct, ${all.length - errors} to look at`
  return [`${key}: ${summary}`, ...lines, ''].join('\n')
}
