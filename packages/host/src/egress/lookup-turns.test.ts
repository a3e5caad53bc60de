import { expect, test } from 'vitest'
import { createLookupTurns } from './lookup-turns.js'

const answer = [{ address: '192.0.2.1', family: 4 }]

/** Names below slow.example are answered when they are told to be. */
function createNames() {
  const asked: string[] = []
  const waiting: (() => void)[] = []
  return {
    asked,
    answerNext: () => waiting.shift()?.(),
    lookup: (host: string) => {
      asked.push(host)
      return host.endsWith('slow.example')
        ? new Promise<typeof answer>((resolve) => waiting.push(() => resolve(answer)))
        : Promise.resolve(answer)
    },
  }
}

test('who asks for names that are not answered holds up nobody else, and takes one place', async () => {
  const { asked, answerNext, lookup } = createNames()
  const lookUp = createLookupTurns(lookup, 10_000)
  const slow = ['a', 'b', 'c', 'd'].map((name) => lookUp('mallory', `${name}.slow.example`))
  expect(await lookUp('alice', 'alice.example')).toEqual(answer)
  expect(asked).toEqual(['a.slow.example', 'alice.example'])
  for (const one of slow) {
    answerNext()
    expect(await one).toEqual(answer)
    await new Promise(setImmediate)
  }
  expect(await lookUp('mallory', 'quick.example')).toEqual(answer)
})

test('one name is asked for once, for all who wait for it', async () => {
  const { asked, answerNext, lookup } = createNames()
  const lookUp = createLookupTurns(lookup, 10_000)
  const all = Promise.all([1, 2, 3].map(() => lookUp('alice', 'a.slow.example')))
  await expect.poll(() => asked).toEqual(['a.slow.example'])
  answerNext()
  expect(await all).toEqual([answer, answer, answer])
  expect(asked).toHaveLength(1)
})

test('a failure is told to whoever asked, and ends nobody else’s turn', async () => {
  const lookUp = createLookupTurns(
    (host) => (host === 'bad.example' ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(answer)),
    10_000,
  )
  const bad = lookUp('alice', 'bad.example')
  const good = lookUp('alice', 'good.example')
  await expect(bad).rejects.toThrow('ENOTFOUND')
  expect(await good).toEqual(answer)
})

test('whoever has waited too long for a turn is not looked up any more', async () => {
  const { asked, answerNext, lookup } = createNames()
  const lookUp = createLookupTurns(lookup, 0)
  await expect(lookUp('mallory', 'b.slow.example')).rejects.toMatchObject({ code: 'EAI_AGAIN' })
  answerNext()
  expect(asked).toEqual([])
})
