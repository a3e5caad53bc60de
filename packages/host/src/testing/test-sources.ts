import { readFileSync } from 'node:fs'
import ts from 'typescript'

/** One test as it is written. */
export interface WrittenTest {
  title: string
  /** It, or something around it, is left out wherever it runs. */
  isSkipped: boolean
  /** What its text, the rows of its table included, calls by name: keys of objects, and texts. */
  names: ReadonlySet<string>
  /** Numbers that are written in it. */
  numbers: ReadonlySet<number>
}

export interface TestSource {
  tests: WrittenTest[]
  /** The same of what stands around the tests, and counts for each of them: a host that they share, rows of a table. */
  names: ReadonlySet<string>
}

/** Reads a file of tests without running it. `file` is relative to `packages/host/src`. */
export function readTestSource(file: string): TestSource {
  const url = new URL(`../../src/${file}`, import.meta.url)
  const source = ts.createSourceFile(file, readFileSync(url, 'utf8'), ts.ScriptTarget.Latest, true)
  const tests: WrittenTest[] = []
  const names = namesIn(source, (node) => {
    const written = writtenTest(node)
    if (written) tests.push(written)
    return written !== undefined
  })
  return { tests, names }
}

function writtenTest(node: ts.Node): WrittenTest | undefined {
  if (!ts.isCallExpression(node)) return undefined
  const [title] = node.arguments
  const words = wordsOf(node.expression)
  if (!title || !ts.isStringLiteralLike(title) || !['it', 'test'].includes(words[0] ?? '')) return undefined
  return {
    title: title.text,
    isSkipped: isLeftOut(node),
    names: namesIn(node, () => false),
    numbers: numbersIn(node),
  }
}

function isLeftOut(node: ts.Node): boolean {
  const words = ts.isCallExpression(node) ? wordsOf(node.expression) : []
  if (words.some((word) => ['skip', 'todo', 'fails'].includes(word))) return true
  return !ts.isSourceFile(node) && isLeftOut(node.parent)
}

/** `it.each(rows)` is `it` and `each`. */
function wordsOf(callee: ts.Expression): string[] {
  if (ts.isIdentifier(callee)) return [callee.text]
  if (ts.isPropertyAccessExpression(callee)) return [...wordsOf(callee.expression), callee.name.text]
  if (ts.isCallExpression(callee)) return wordsOf(callee.expression)
  return ts.isExpressionWithTypeArguments(callee) ? wordsOf(callee.expression) : []
}

function namesIn(node: ts.Node, isTest: (node: ts.Node) => boolean): Set<string> {
  const names = new Set<string>()
  const look = (child: ts.Node): void => {
    if (isTest(child)) return
    if (ts.isPropertyAssignment(child) || ts.isShorthandPropertyAssignment(child)) names.add(child.name.getText())
    else if (ts.isStringLiteralLike(child)) names.add(child.text)
    ts.forEachChild(child, look)
  }
  ts.forEachChild(node, look)
  return names
}

function numbersIn(node: ts.Node): Set<number> {
  const numbers = new Set<number>()
  const look = (child: ts.Node): void => {
    if (ts.isNumericLiteral(child)) numbers.add(Number(child.text))
    ts.forEachChild(child, look)
  }
  look(node)
  return numbers
}
