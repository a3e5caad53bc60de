import { expect, it } from 'vitest'
import { readArguments } from './arguments.js'

it('measures everything unless it is told what', () => {
  expect(readArguments([])).toEqual({ help: false, rounds: 2, failOnMiss: true })
  expect(readArguments(['--only', 'sync', '--only', 'template', '--rounds', '1', '--no-fail'])).toEqual({
    help: false,
    rounds: 1,
    failOnMiss: false,
    only: ['sync', 'template'],
  })
})

it.each([
  [['--only', 'everything'], '--only must be one of: loading'],
  [['--rounds', '0'], '--rounds must be a number from 1 to 20'],
])('says what is wrong with %j', (argv, message) => {
  expect(() => readArguments(argv)).toThrow(message)
})
