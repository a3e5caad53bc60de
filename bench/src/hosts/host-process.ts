import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a host under measurement can be asked. Arguments and results travel as JSON. */
export type HostCommands = Record<string, (...args: never[]) => Promise<unknown>>

/** A host in a process of its own, so that its event loop and its memory are nobody else's. */
export interface HostProcess<Commands extends HostCommands> {
  pid: number
  /** @throws Error with what the host threw, or that it has ended */
  ask<Name extends keyof Commands & string>(
    name: Name,
    ...args: Parameters<Commands[Name]>
  ): Promise<Awaited<ReturnType<Commands[Name]>>>
  stop(): Promise<void>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
}

interface Question {
  id: number
  name: string
  args: unknown[]
}

type Reply = { id: number; value: unknown } | { id: number; error: string }

/** A file of this folder. */
export type HostScript = 'our-host' | 'seed-host' | 'tracking-server' | 'page-downloader' | 'template-builder'

interface StartOptions {
  script: HostScript
  /** Given to the host's own start. */
  input: unknown
  cwd: string
  env?: Record<string, string>
}

/** Starts a host and waits until it is ready. */
export async function startHostProcess<Commands extends HostCommands>(
  options: StartOptions,
): Promise<HostProcess<Commands>> {
  const { script, input, cwd, env = {} } = options
  const child = fork(fileURLToPath(new URL(`./${script}.js`, import.meta.url)), [JSON.stringify(input)], {
    cwd,
    env: { ...process.env, ...env },
  })
  const open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void ended.then(() => {
    for (const { reject } of open.values()) reject(new Error(`${script} has ended`))
  })
  child.on('message', (message) => {
    const reply = message as Reply
    const question = open.get(reply.id)
    open.delete(reply.id)
    if ('error' in reply) question?.reject(new Error(`${script}: ${reply.error}`))
    else question?.resolve(reply.value)
  })
  let lastId = 0
  const ask = (name: string, ...args: unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      const question: Question = { id: ++lastId, name, args }
      open.set(question.id, { resolve, reject })
      child.send(question, (error) => error && reject(error))
    })
  const host: HostProcess<Commands> = {
    pid: child.pid ?? 0,
    ask: ask as HostProcess<Commands>['ask'],
    async stop() {
      if (child.connected) child.disconnect()
      await ended
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
  try {
    await ask('ready')
  } catch (error) {
    await host.stop()
    throw error
  }
  return host
}

/** In the host's process: answers questions, one after the other, until nobody can ask any more. */
export function answerQuestions<Input, Commands extends HostCommands>(
  start: (input: Input) => Promise<{ commands: Commands; stop(): Promise<void> }>,
): void {
  const started = start(JSON.parse(process.argv[2] ?? '{}') as Input)
  // Ctrl-C reaches every process of the terminal; whoever started this one stops it in order.
  process.on('SIGINT', () => undefined)
  // Whoever asks learns of it.
  started.catch(() => undefined)
  let last: Promise<unknown> = Promise.resolve()
  process.on('message', (message) => {
    const { id, name, args } = message as Question
    last = last
      .then(async () => {
        const { commands } = await started
        return name === 'ready' ? undefined : commands[name]?.(...(args as never[]))
      })
      .then(
        (value): Reply => ({ id, value }),
        (error: unknown): Reply => ({
          id,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
      )
      .then((reply) => process.send?.(reply))
  })
  process.once('disconnect', () => {
    void last
      .then(() => started)
      .then(({ stop }) => stop())
      .finally(() => process.exit())
  })
}
