import { settingsTable } from './env.js'

/** The text of `docs/settings.md`. */
export function settingsPage(): string {
  return [
    '# Settings',
    '',
    'Every setting is an environment variable. They are read once, at start; all problems are reported together.',
    'This page is made from `app/server/src/env.ts` (`UPDATE_DOCS=1 npx vitest run app/server/src/settings-page.test.ts`).',
    '',
    ...alignedTable([
      ['Name', 'Default', 'Meaning'],
      ...settingsTable.map((setting) => [`\`${setting.name}\``, setting.default, setting.about]),
    ]),
    '',
  ].join('\n')
}

/** Padded as the formatter wants it, so that both agree on the page. */
function alignedTable(lines: string[][]): string[] {
  const escaped = lines.map((line) => line.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = escaped[0]?.map((_, column) => Math.max(...escaped.map((line) => line[column]?.length ?? 0))) ?? []
  const join = (cells: string[]) => `| ${cells.join(' | ')} |`
  const [heading, ...rest] = escaped.map((line) => join(line.map((cell, column) => cell.padEnd(widths[column] ?? 0))))
  return [heading ?? '', join(widths.map((width) => '-'.repeat(width))), ...rest]
}
