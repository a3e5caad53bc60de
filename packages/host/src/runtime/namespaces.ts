import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import path from 'node:path'

/** On which descriptor bubblewrap says which process it has started. */
export const informationFd = 5

/** Where bubblewrap is, if the operator has it installed. */
export function findBubblewrap(searchPath = process.env.PATH ?? ''): string | undefined {
  return searchPath
    .split(path.delimiter)
    .filter(path.isAbsolute)
    .map((folder) => path.join(folder, 'bwrap'))
    .find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Libraries: nobody's secret. */
const readable = ['/lib', '/lib64', '/usr/lib', '/usr/lib64']
/** Nobody, inside; outside it is who the host is. */
const nobody = '65534'
const ownWorld = [
  ...['--unshare-all', '--unshare-user', '--uid', nobody, '--gid', nobody, '--hostname', 'plugin'],
  // The program is the first of its own world: when it ends, all of that ends. A session of its own it has already.
  ...['--die-with-parent', '--as-pid-1', '--cap-drop', 'ALL', '--clearenv'],
]

/**
 * Arguments with which bubblewrap runs a program in namespaces of its own: no network, no other processes, no names,
 * nothing to read but libraries and `files`, nothing to write at all.
 */
export function namespaceArguments(
  program: string,
  files: readonly string[],
  args: readonly string[],
  timeZone?: string,
): string[] {
  const bound = [
    ...readable.filter((file) => existsSync(file)),
    ...[program, ...files].map((file) => realpathSync(file)),
  ]
  return [
    ...ownWorld,
    ...(timeZone === undefined ? [] : ['--setenv', 'TZ', timeZone]),
    ...bound.flatMap((file) => ['--ro-bind', file, file]),
    ...['--proc', '/proc', '--dev', '/dev', '--remount-ro', '/', '--chdir', '/'],
    ...['--info-fd', String(informationFd)],
    '--',
    realpathSync(program),
    ...args,
  ]
}

/**
 * Process groups in which the first half of a bubblewrap has ended before the second became the program. That one waits
 * for a word on a counter that nobody else has, and bubblewrap binds its life to that of the first half only later. Whose
 * it was does not matter: nothing can come of it any more.
 */
export function findStranded(): number[] {
  return existsSync('/proc/self/stat') ? readdirSync('/proc').filter(isNumber).flatMap(strandedGroupOf) : []
}

const isNumber = (name: string) => /^\d+$/.test(name)

function strandedGroupOf(pid: string): number[] {
  if (!readProcessFile(pid, 'cmdline').includes(`\0${ownWorld.join('\0')}\0`)) return []
  const { group } = placeOf(pid)
  if (group === '0' || group === pid) return []
  // Its number is nobody else's while the group is there; it may be listed until somebody asks how it ended.
  const leader = placeOf(group)
  return leader.state === '' || leader.state === 'Z' ? [Number(group)] : []
}

function placeOf(pid: string) {
  const stat = readProcessFile(pid, 'stat')
  // The name in parentheses may hold spaces.
  const [state = '', , group = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { state, group }
}

function readProcessFile(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return ''
  }
}
