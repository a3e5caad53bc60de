import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { type Account, asAccount } from './account.js'
import { program } from './native.js'
import { serverEnvironment } from './server-environment.js'

/** How much of what the server said is kept for an error message. */
const TAIL_CHARACTERS = 4_000

export interface ServerProcess {
  /** Resolves when the process that we started has ended. The server has then ended too, or lost its guard. */
  ended: Promise<ServerExit>
  /** The last lines that the server wrote. */
  tail: () => string
  /** From now on this process waits for the end of the server. */
  holdOn: () => void
}

export interface ServerExit {
  code: number | null
  signal: NodeJS.Signals | null
}

/*
 * The shell holds the reading end of a pipe whose writing end only the host has. However the host dies, kill -9
 * included, `cat` meets the end of the pipe and the server gets a fast shutdown, then an immediate one.
 */
const WATCHDOG = `
limit=$1; shift
if [ "$limit" != 0 ]; then ulimit -v "$limit" || echo "the memory limit is not supported here" >&2; fi
"$@" 3<&- & server=$!
( cat >/dev/null; kill -INT $server; sleep 15; kill -QUIT $server ) <&3 2>/dev/null & guard=$!
exec 3<&-
wait $server; status=$?
kill $guard 2>/dev/null
exit $status
`

/** Starts the server so that it cannot outlive this process. It does not keep this process alive either. */
export function startServerProcess(options: {
  native: string
  args: string[]
  account: Account | undefined
  addressSpaceMb: number
  log: (line: string) => void
}): ServerProcess {
  const postgres = program(options.native, 'postgres')
  const limit = String(options.addressSpaceMb * 1024)
  const [command, args] =
    process.platform === 'win32'
      ? [postgres, options.args]
      : ['/bin/sh', ['-c', WATCHDOG, 'sh', limit, postgres, ...options.args]]
  const child = spawn(command, args, {
    env: serverEnvironment(),
    cwd: process.platform === 'win32' ? undefined : '/',
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C in a terminal is for the host, which then stops the server in order.
    detached: true,
    ...asAccount(options.account),
  })
  const tail = collectLines(child, options.log)
  letGo(child)
  return { ended: untilEnded(child), tail, holdOn: () => child.ref() }
}

function collectLines(child: ChildProcess, log: (line: string) => void): () => string {
  let tail = ''
  let partial = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-TAIL_CHARACTERS)
    const lines = (partial + text).split('\n')
    partial = lines.pop() ?? ''
    for (const line of lines) log(line)
  })
  return () => tail.trim()
}

function letGo(child: ChildProcess): void {
  child.unref()
  for (const stream of [child.stderr, child.stdio[3]]) {
    if (stream instanceof Socket) stream.unref()
    stream?.on('error', () => undefined)
  }
}

function untilEnded(child: ChildProcess): Promise<ServerExit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      // Ends the `cat` of the guard, which survives the shell that it was started by.
      child.stdio[3]?.destroy()
      resolve({ code, signal })
    })
  })
}
