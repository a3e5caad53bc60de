/** One line of figures. Without a target it is only printed. */
export interface Row {
  /** Stable, for whoever compares two runs. */
  id: string
  what: string
  /** Absent when it could not be measured; `note` then says why. */
  value?: number | undefined
  p95?: number | undefined
  unit: Unit
  target?: Target
  note?: string
}

type Unit = 'ms' | 'times' | 'requests' | 'things' | 'rows' | 'messages' | 'a second' | 'kB' | 'MB' | 'shift'
/** Counted, and said without their unit: the line says what they are. */
const wholeUnits: readonly Unit[] = ['requests', 'things', 'rows', 'messages']

export type Target = { atLeast: number } | { atMost: number }

export type Verdict = 'met' | 'NOT MET' | ''

export interface Section {
  title: string
  rows: Row[]
}

/** A target whose value is missing counts as not met: a figure that nobody has seen proves nothing. */
export function verdictOf({ value, target }: Row): Verdict {
  if (target === undefined) return ''
  if (value === undefined || Number.isNaN(value)) return 'NOT MET'
  const isMet = 'atLeast' in target ? value >= target.atLeast : value <= target.atMost
  return isMet ? 'met' : 'NOT MET'
}

/** Every row whose target is not met. */
export function missedTargets(sections: readonly Section[]): Row[] {
  return sections.flatMap(({ rows }) => rows).filter((row) => verdictOf(row) === 'NOT MET')
}

/** The figures for a person. */
export function formatReport(sections: readonly Section[]): string {
  return sections.map(({ title, rows }) => `${title}\n${formatTable(rows)}`).join('\n')
}

/** The figures for a program. */
export function toJson(sections: readonly Section[]): { title: string; rows: (Row & { verdict: Verdict })[] }[] {
  return sections.map(({ title, rows }) => ({
    title,
    rows: rows.map((row) => ({ ...row, verdict: verdictOf(row) })),
  }))
}

function formatTable(rows: readonly Row[]): string {
  const header = ['', 'figure', 'p95', 'target', 'verdict']
  const cells = rows.map((row) => [
    `  ${row.what}`,
    formatValue(row.value, row.unit),
    row.p95 === undefined ? '' : formatValue(row.p95, row.unit),
    row.target === undefined ? '' : formatTarget(row.target, row.unit),
    verdictOf(row),
  ])
  const widths = header.map((name, column) => Math.max(name.length, ...cells.map((line) => line[column]?.length ?? 0)))
  const format = (line: readonly string[]) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
  const lines = cells.map((line, index) => {
    const note = rows[index]?.note
    return format(line).join('  ').trimEnd() + (note === undefined ? '' : `\n      ${note}`)
  })
  return `${[format(header).join('  ').trimEnd(), ...lines].join('\n')}\n`
}

function formatTarget(target: Target, unit: Unit): string {
  return 'atLeast' in target ? `≥ ${formatValue(target.atLeast, unit)}` : `≤ ${formatValue(target.atMost, unit)}`
}

function formatValue(value: number | undefined, unit: Unit): string {
  if (value === undefined || Number.isNaN(value)) return 'not measured'
  if (unit === 'times') return `${round(value)} ×`
  if (unit === 'shift') return round(value)
  return wholeUnits.includes(unit) ? String(value) : `${round(value)} ${unit}`
}

/** Three digits are more than a busy machine can promise. */
function round(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value))
  return String(Number(value.toPrecision(value === 0 ? 1 : 3)))
}
