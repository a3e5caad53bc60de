import { accessSync, constants, existsSync, realpathSync } from 'node:fs'
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

/** Libraries, and what the time zone is read from: nobody's secret. */
const readable = ['/lib', '/lib64', '/usr/lib', '/usr/lib64', '/usr/share/zoneinfo', '/etc/localtime']
/** Nobody, inside; outside it is who the host is. */
const nobody = '65534'

/**
 * Arguments with which bubblewrap runs a program in namespaces of its own: no network, no other processes, no names,
 * nothing to read but libraries and `files`, nothing to write at all.
 */
export function namespaceArguments(program: string, files: readonly string[], args: readonly string[]): string[] {
  const bound = [
    ...readable.filter((file) => existsSync(file)),
    ...[program, ...files].map((file) => realpathSync(file)),
  ]
  return [
    ...['--unshare-all', '--unshare-user', '--uid', nobody, '--gid', nobody, '--hostname', 'plugin'],
    // The program is the first of its own world: when it ends, all of that ends. A session of its own it has already.
    ...['--die-with-parent', '--as-pid-1', '--cap-drop', 'ALL', '--clearenv'],
    ...bound.flatMap((file) => ['--ro-bind', file, file]),
    ...['--proc', '/proc', '--dev', '/dev', '--remount-ro', '/', '--chdir', '/'],
    ...['--info-fd', String(informationFd)],
    '--',
    realpathSync(program),
    ...args,
  ]
}
