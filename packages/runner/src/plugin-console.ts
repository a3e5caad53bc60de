import util from 'node:util'
import { type LogLevel, wireConstants } from '@tenon/contract/wire'

const { maxLineCharacters } = wireConstants

export interface PluginConsole {
  /** Replaces the global `console`. */
  readonly console: object
  write(level: LogLevel, text: string): void
}

/** Turns what a plugin prints into log lines for the host, with the flood cut off: it costs the host nothing then. */
export function createPluginConsole(
  send: (level: LogLevel, text: string, dropped: number) => void,
  { maxLinesPerSecond }: { maxLinesPerSecond: number },
): PluginConsole {
  let secondStarted = 0
  let lines = 0
  let dropped = 0

  /** Asked before a line is made: what nobody will read is not formatted. */
  function hasRoom(): boolean {
    const now = Date.now()
    if (now - secondStarted >= 1_000) {
      secondStarted = now
      lines = 0
    }
    if (++lines <= maxLinesPerSecond) return true
    dropped++
    return false
  }

  function write(level: LogLevel, makeText: () => string): void {
    if (!hasRoom()) return
    const text = makeText()
    send(level, text.length > maxLineCharacters ? `${text.slice(0, maxLineCharacters)}…` : text, dropped)
    dropped = 0
  }

  const print =
    (level: LogLevel) =>
    (...args: unknown[]) =>
      write(level, () => formatLine(args))
  const silent = () => undefined
  const console = {
    debug: print('debug'),
    trace: print('debug'),
    log: print('info'),
    info: print('info'),
    dir: (value: unknown) => write('info', () => formatLine([value])),
    dirxml: print('info'),
    table: print('info'),
    warn: print('warn'),
    error: print('error'),
    assert: (condition: unknown, ...args: unknown[]) =>
      condition ? undefined : write('error', () => `Assertion failed: ${formatLine(args)}`),
    ...createCounters((text) => write('info', () => text)),
    group: print('info'),
    groupCollapsed: print('info'),
    groupEnd: silent,
    clear: silent,
    profile: silent,
    profileEnd: silent,
    timeStamp: silent,
  }
  return { console, write: (level, text) => write(level, () => text) }
}

function formatLine(args: unknown[]): string {
  try {
    // Long strings are cut before they are formatted: joining 100 MB to show 8 kB would block the plugin.
    const short = args.map((arg) => (typeof arg === 'string' ? arg.slice(0, maxLineCharacters + 1) : arg))
    return util.formatWithOptions({ depth: 4, maxStringLength: maxLineCharacters, breakLength: Infinity }, ...short)
  } catch {
    return '(a value that cannot be printed)'
  }
}

function createCounters(write: (text: string) => void) {
  const counts = new Map<string, number>()
  const timers = new Map<string, number>()
  const elapsed = (label: string) => `${label}: ${Math.round(performance.now() - (timers.get(label) ?? 0))} ms`
  return {
    count(label = 'default') {
      counts.set(label, (counts.get(label) ?? 0) + 1)
      write(`${label}: ${counts.get(label)}`)
    },
    countReset: (label = 'default') => void counts.delete(label),
    time: (label = 'default') => void timers.set(label, performance.now()),
    timeLog: (label = 'default') => write(elapsed(label)),
    timeEnd(label = 'default') {
      write(elapsed(label))
      timers.delete(label)
    },
  }
}
