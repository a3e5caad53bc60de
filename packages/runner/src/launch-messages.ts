import type { Launch } from './spawn-with-pipes.js'

/** What a host asks the launcher for. */
export type LaunchRequest =
  { t: 'start'; id: number; launch: Launch } | { t: 'kill'; id: number } | { t: 'lookUp'; id: number; name: string }

/** What the launcher says. A `pipe` comes with the host's end of that descriptor of the process. */
export type LaunchReport =
  | { t: 'started'; id: number; pid: number }
  | { t: 'pipe'; id: number; descriptor: number }
  | { t: 'failed'; id: number; reason: string }
  | { t: 'ended'; id: number; exitCode: number | null; signal: NodeJS.Signals | null }
  | { t: 'found'; id: number; addresses: { address: string; family: number }[] }
  | { t: 'notFound'; id: number; code: string; reason: string }
