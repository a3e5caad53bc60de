import { expect, it } from 'vitest'
import { describeEnd } from './runner-process.js'

it.each([
  [null, 'SIGSEGV', '', 'it ended by SIGSEGV, most likely because it was given no more memory'],
  [null, 'SIGABRT', '', 'it ended by SIGABRT, most likely because it was given no more memory'],
  [null, 'SIGABRT', "terminate called after throwing an instance of 'std::bad_alloc'", 'it ran out of memory'],
  [null, 'SIGABRT', '13: v8::internal::V8::FatalProcessOutOfMemory(', 'it ran out of memory'],
  [null, 'SIGTRAP', 'FATAL ERROR: JavaScript heap out of memory', 'it ran out of memory'],
  [null, 'SIGKILL', '', 'it ended by SIGKILL'],
  [3, null, '', 'it ended itself with code 3'],
] as const)('an end with %s, %s and "%s" is told as "%s"', (exitCode, signal, lastWords, told) => {
  expect(describeEnd({ exitCode, signal, lastWords, reason: undefined })).toBe(told)
})
