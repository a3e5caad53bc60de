import type { Readable } from 'node:stream'
import * as z from 'zod'
import type { LaunchedChild } from './launcher.js'

/** What one attempt below JavaScript came to; `result` is undefined when the kernel refused it. */
const attemptSchema = z
  .array(z.object({ attempt: z.string().max(200), result: z.string().max(5_000).optional() }))
  .min(40)
export type KernelAttempt = z.infer<typeof attemptSchema>[number]

const probeMs = 15_000
const maxAnswerBytes = 256 * 1024

/**
 * Reads what a kernel probe found.
 *
 * @throws Error when it was not sealed, or did not come to an end.
 */
export async function readKernelProbe(child: LaunchedChild): Promise<KernelAttempt[]> {
  const timer = setTimeout(() => child.kill(), probeMs)
  let lastWords = ''
  child.pipes.get(2)?.on('data', (bytes: Buffer) => (lastWords = (lastWords + bytes.toString('utf8')).slice(-2_000)))
  child.pipes
    .get(4)
    ?.on('error', () => undefined)
    .destroy()
  try {
    const [answer] = await Promise.all([readAll(child.pipes.get(3) as Readable), child.exited])
    return attemptSchema.parse(JSON.parse(answer))
  } catch (cause) {
    const words = /Error: (.*)/.exec(lastWords)?.[1] ?? 'it did not come to an end'
    throw new Error(`the probe of the kernel failed: ${words}`, { cause })
  } finally {
    clearTimeout(timer)
  }
}

async function readAll(stream: Readable): Promise<string> {
  let text = ''
  for await (const bytes of stream as AsyncIterable<Buffer>) {
    text += bytes.toString('utf8')
    if (text.length > maxAnswerBytes) throw new Error('it said too much')
  }
  return text
}
