import type { ChildProcess } from 'node:child_process'
import dns from 'node:dns'
import type net from 'node:net'
import type { LaunchReport, LaunchRequest } from './launch-messages.js'
import { killGroup, type Launch, pipeOf, spawnWithPipes } from './spawn-with-pipes.js'

/**
 * Starts runners for a host, and hands their pipes over to it. To start a process, the kernel copies the memory map of
 * the one that starts it, which stands still meanwhile: 1 ms here, 8 in a host of 150 MB, 25 in one of 600.
 *
 * It looks up names for them, too: a name server that does not answer holds a thread for many seconds, and a host has only
 * two for that, which it needs itself.
 */
const children = new Map<number, ChildProcess>()

process.on('message', (request: LaunchRequest) => {
  if (request.t === 'start') start(request.id, request.launch)
  else if (request.t === 'lookUp') lookUp(request.id, request.name)
  else children.get(request.id)?.kill('SIGKILL')
})
process.on('disconnect', leave)
// Node tells of a closed channel only when every pipe that was sent has been confirmed: never, by a host that was killed.
process.stdin.on('error', leave).on('close', leave).resume()
// They are meant for the host, which ends this process when it has drained; the last would open an inspector.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) process.on(signal, () => undefined)

/** The host is gone: nobody speaks with them any more. */
function leave(): void {
  for (const { pid } of children.values()) if (pid !== undefined) killGroup(pid)
  process.exit()
}

function start(id: number, launch: Launch): void {
  const child = spawnWithPipes(launch)
  child.once('error', ({ message }) => report({ t: 'failed', id, reason: message }))
  if (child.pid === undefined) return
  children.set(id, child)
  const pipes = launch.pipes.map((descriptor) => [descriptor, takeFrom(child, descriptor)] as const)
  report({ t: 'started', id, pid: child.pid })
  for (const [descriptor, pipe] of pipes) report({ t: 'pipe', id, descriptor }, pipe)
  child.once('exit', (exitCode, signal) => {
    children.delete(id)
    report({ t: 'ended', id, exitCode, signal })
  })
}

function lookUp(id: number, name: string): void {
  dns.lookup(name, { all: true, verbatim: true }, (error, addresses) => {
    if (error) report({ t: 'notFound', id, code: error.code ?? 'ENOTFOUND', reason: error.message })
    else report({ t: 'found', id, addresses })
  })
}

/** Node reads a pipe from its first moment, and again when the process ends; what it reads here would be lost. */
function takeFrom(child: ChildProcess, descriptor: number): net.Socket {
  const pipe = pipeOf(child, descriptor)
  const { _handle: handle } = pipe as unknown as { _handle: { reading: boolean; readStop(): void } }
  handle.readStop()
  handle.reading = false
  ;(child.stdio as unknown[])[descriptor] = null
  return pipe
}

function report(message: LaunchReport, pipe?: net.Socket): void {
  // A host that went away in this moment must not end this process before it has ended what it started.
  if (process.connected) process.send?.(message, pipe, {}, () => undefined)
}
