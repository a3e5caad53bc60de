import { afterEach, describe, expect, test } from 'vitest'
import type { SchemaAnswer, SchemaQuestion } from '../secrets/schema-threads.js'
import { createAskedThread } from './asked-thread.js'

// The thread for schemas stands for all of them.
type Options = Parameters<typeof createAskedThread<SchemaQuestion, SchemaAnswer>>[0]
const threads: { stop(): Promise<void> }[] = []
function start(options: Partial<Options>) {
  const thread = createAskedThread<SchemaQuestion, SchemaAnswer>({
    script: 'schema-worker',
    answerMs: 60_000,
    memoryMb: 128,
    ...options,
  })
  threads.push(thread)
  return thread
}
afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.stop()))
})

const question = (schema: object): SchemaQuestion => ({
  kind: 'problems',
  schema: JSON.stringify(schema),
  value: '{}',
})
const simple = question({ required: ['url'] })
const answer = { answer: { problems: [{ field: '/url', message: 'is required' }] } }

/** Looks at its value two to the power of `levels` times, and keeps what it found. */
function doubling(keyword: 'anyOf' | 'allOf', levels: number): SchemaQuestion {
  const twice = (next: number) => ({ [keyword]: [{ $ref: `#/$defs/${next}` }, { $ref: `#/$defs/${next}` }] })
  const between = Array.from({ length: levels }, (_, index) => [index, twice(index + 1)])
  return question({ $defs: { ...Object.fromEntries(between), [levels]: { required: ['a', 'b'] } }, ...twice(0) })
}

describe('a thread', { timeout: 60_000 }, () => {
  test('is ended when it is late, and the next question gets a new one', async () => {
    const thread = start({ answerMs: 100 })
    const late = thread.ask(doubling('anyOf', 40), 'mallory')
    const next = thread.ask(simple, 'alice')
    expect(await late).toMatchObject({ failure: 'late' })
    expect(await next).toMatchObject(answer)
  })

  test('is late sooner when others wait', async () => {
    const thread = start({ turnMs: 50 })
    const late = thread.ask(doubling('anyOf', 40), 'mallory')
    expect(await thread.ask(simple, 'alice')).toMatchObject(answer)
    expect(await late).toMatchObject({ failure: 'late' })
  })

  test('has no more memory than it may have, and takes none of the process', async () => {
    const thread = start({ memoryMb: 32 })
    expect(await thread.ask(doubling('allOf', 30), 'mallory')).toMatchObject({
      failure: 'died',
      error: { code: 'ERR_WORKER_OUT_OF_MEMORY' },
    })
    expect(await thread.ask(simple, 'alice')).toMatchObject(answer)
  })

  test('that dies in the middle has not answered, and the next question gets a new one', async () => {
    const thread = start({})
    process.once('worker', (worker) => worker.once('message', () => void worker.terminate()))
    expect(await thread.ask(doubling('anyOf', 40), 'alice')).toMatchObject({ failure: 'died' })
    expect(await thread.ask(simple, 'alice')).toMatchObject(answer)
  })

  test('that does not begin is no failure of the question', async () => {
    const thread = start({})
    process.once('worker', (worker) => void worker.terminate())
    await expect(thread.ask(simple, 'alice')).rejects.toThrow('could not be started')
    expect(await thread.ask(simple, 'alice')).toMatchObject(answer)
  })

  test('is asked by turns', async () => {
    const thread = start({})
    const order: string[] = []
    const ask = (asker: string) => thread.ask(simple, asker).then(() => order.push(asker))
    await Promise.all(['mallory', 'mallory', 'mallory', 'alice', 'bob'].map(ask))
    expect(order).toEqual(['mallory', 'alice', 'mallory', 'bob', 'mallory'])
  })

  test('is not asked what nobody wants to know any more when its turn comes', async () => {
    const thread = start({})
    let isWanted = true
    const first = thread.ask(simple, 'alice').finally(() => (isWanted = false))
    expect(await thread.ask(simple, 'alice', () => isWanted)).toEqual({ failure: 'unasked' })
    expect(await first).toMatchObject(answer)
  })

  test('answers nothing when it is stopped, and does not start again', async () => {
    const thread = start({})
    const asked = ['alice', 'bob'].map((asker) => thread.ask(doubling('anyOf', 40), asker))
    const outcomes = Promise.allSettled(asked)
    await thread.stop()
    expect((await outcomes).map((one) => 'value' in one && 'answer' in one.value)).toEqual([false, false])
    expect(await thread.ask(simple, 'alice')).toEqual({ failure: 'unasked' })
  })
})
