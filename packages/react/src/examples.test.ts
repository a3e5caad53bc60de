import { describe, expect, it } from 'vitest'
import { compileExamples, docstringExamples, pageExamples } from './testing/examples.js'

const examples = [...docstringExamples('packages/react/src'), ...docstringExamples('packages/sdk/src')]
const complaints = compileExamples(examples)

describe('an example', () => {
  it('is one of many', () => {
    expect(examples.length).toBeGreaterThan(50)
  })

  it.each(examples.map((example) => [example.where, example] as const))('at %s suits the types', (_, example) => {
    expect(complaints.get(example)).toBe('')
  })
})
