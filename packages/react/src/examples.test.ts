import { describe, expect, it } from 'vitest'
import { compileExamples, docstringExamples, pageExamples } from './testing/examples.js'

const pages = ['packages/react/README.md', 'packages/sdk/README.md', 'docs/embedding.md']
const examples = [
  ...docstringExamples('packages/react/src'),
  ...docstringExamples('packages/sdk/src'),
  ...pages.flatMap(pageExamples),
]
const complaints = compileExamples(examples)

describe('an example', () => {
  it.each(['packages/react/src', 'packages/sdk/src', ...pages])('is there in %s', (place) => {
    expect(examples.filter(({ where }) => where.startsWith(place))).not.toEqual([])
  })

  it.each(examples.map((example) => [example.where, example] as const))('at %s suits the types', (_, example) => {
    expect(complaints.get(example)).toBe('')
  })
})
