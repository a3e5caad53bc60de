import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8')

/** What the package exports by name, from both of its entries, with the file that it comes from. */
const exported = ['./index.ts', './configuration/index.ts'].flatMap((entry) =>
  [...read(entry).matchAll(/export \{([^}]*)\} from '(.*?)\.js'/g)].flatMap(([, names = '', file = '']) =>
    names
      .split(',')
      .map((name) => name.trim())
      .map((name) => ({ name, file: new URL(file, new URL(entry, import.meta.url)).href })),
  ),
)
const components = exported
  .filter(({ name }) => /^[A-Z]\w*$/.test(name))
  .flatMap(({ name, file }) => {
    const text = [`${file}.tsx`, `${file}.ts`].map(sourceOf).find((source) => source !== undefined) ?? ''
    const at = text.search(new RegExp(`export function ${name}\\b`))
    if (at >= 0) return [{ name, docstring: docstringBefore(text.slice(0, at)) }]
    // Classes of errors are exported, too.
    if (text.includes(`export class ${name} `)) return []
    throw new Error(`${name} is not in ${file}`)
  })

function sourceOf(file: string): string | undefined {
  try {
    return read(file)
  } catch {
    return undefined
  }
}

function docstringBefore(text: string): string {
  const [, words = ''] = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text) ?? []
  return words
}

describe('a component of the package', () => {
  it('is one of many', () => {
    expect(components.length).toBeGreaterThan(25)
  })

  it.each(components)('$name says what it is, with an example', ({ name, docstring }) => {
    expect(docstring.trim()).toMatch(/^\* \w/)
    expect(docstring).toMatch(new RegExp(`@example[\\s\\S]*<${name}\\b`))
  })
})
