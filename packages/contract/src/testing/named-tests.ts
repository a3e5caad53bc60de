import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A page under `docs` that says which test shows what: test `file` "name", test `file` "name". */
export interface NamedTest {
  file: string
  name: string
}

const root = new URL('../../../../', import.meta.url)
const testPattern = /test `([^`]+)` "(.+?)"(?=, test `|$)/g

export const textOf = (file: string): string => readFileSync(new URL(file, root), 'utf8')

/** The tests that a line names. */
export function namedTests(line: string): NamedTest[] {
  return [...line.matchAll(testPattern)].map(([, file = '', name = '']) => ({ file, name }))
}

/** The name stands in quotation marks, as an argument, so that a comment that mentions it does not count. */
export function testExists({ file, name }: NamedTest): boolean {
  if (!existsSync(fileURLToPath(new URL(file, root)))) return false
  const text = textOf(file)
  return ["'", '"', '`'].some((mark) => text.includes(`${mark}${name}${mark},`))
}
