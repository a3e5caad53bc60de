import type { LogLevel } from '@tenon/contract/wire'
import type { RecordLimits } from './record-limits.js'

/** Whose record it is. */
export interface RecordOwner {
  organizationId: number
  pluginKey: string
}

/** Which installation it tells of: nothing is kept of one that has been removed, also when there is another by now. */
export interface RecordSource extends RecordOwner {
  installationId: number
}

export interface WaitingLine extends RecordSource {
  level: LogLevel
  text: string
  loggedAt: Date
}

export interface LogBuffer {
  add(line: WaitingLine): void
  /** Everything that waits, with a line of its own for what was left out. */
  take(): WaitingLine[]
  /** What could not be written goes back to the front, as far as there is room. */
  giveBack(lines: readonly WaitingLine[]): void
  forget(owner: RecordOwner): void
  readonly size: number
}

type Limits = Pick<RecordLimits, 'maxWaitingLines' | 'maxWaitingCharacters' | 'maxLineCharacters'>

/** Lines on their way to the database. What does not fit is counted, never kept. */
export function createLogBuffer(limits: Limits): LogBuffer {
  let lines: WaitingLine[] = []
  let characters = 0
  const counts = new Map<string, number>()
  const leftOut = new Map<string, { source: RecordSource; lines: number }>()

  function leaveOut(source: RecordSource, count: number): void {
    const key = sourceKeyOf(source)
    leftOut.set(key, { source, lines: (leftOut.get(key)?.lines ?? 0) + count })
  }

  function add(line: WaitingLine): void {
    const key = sourceKeyOf(line)
    const waiting = counts.get(key) ?? 0
    if (waiting >= limits.maxWaitingLines || characters + line.text.length > limits.maxWaitingCharacters)
      return leaveOut(line, 1)
    counts.set(key, waiting + 1)
    characters += line.text.length
    lines.push(line)
  }

  function take(): WaitingLine[] {
    const taken = lines
    const notes = [...leftOut.values()].map(({ source, lines: count }) => leftOutLine(source, count))
    lines = []
    characters = 0
    counts.clear()
    leftOut.clear()
    return [...taken, ...notes]
  }

  return {
    add: (line) => add({ ...line, text: cut(line.text, limits.maxLineCharacters) }),
    take,
    giveBack(earlier) {
      const later = lines
      lines = []
      characters = 0
      counts.clear()
      for (const line of [...earlier, ...later]) add(line)
    },
    forget(owner) {
      const isOthers = (line: RecordOwner) => keyOf(line) !== keyOf(owner)
      const kept = lines.filter(isOthers)
      lines = []
      characters = 0
      counts.clear()
      kept.forEach(add)
      for (const [key, { source }] of leftOut) if (!isOthers(source)) leftOut.delete(key)
    },
    get size() {
      return lines.length + leftOut.size
    },
  }
}

export function keyOf({ organizationId, pluginKey }: RecordOwner): string {
  return `${organizationId} ${pluginKey}`
}

export function sourceKeyOf(source: RecordSource): string {
  return `${keyOf(source)} ${source.installationId}`
}

/** Says that there was more. */
export function leftOutLine({ organizationId, pluginKey, installationId }: RecordSource, count: number): WaitingLine {
  const text = `${count} ${count === 1 ? 'line was' : 'lines were'} left out here: there were too many at once.`
  return { organizationId, pluginKey, installationId, level: 'warn', text, loggedAt: new Date() }
}

const cut = (text: string, longest: number): string => (text.length > longest ? `${text.slice(0, longest)}…` : text)
