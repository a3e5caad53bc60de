import { readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

interface Documented {
  name: string
  /** What stands before it, without the signs of a comment. */
  docstring: string
}

/** The functions and classes that an entry of the package exports, also from the files that it passes on whole. */
function exportedBy(file: string): Documented[] {
  const source = sourceOf(file)
  return source.statements.filter(ts.isExportDeclaration).flatMap((statement) => {
    const { exportClause, moduleSpecifier, isTypeOnly } = statement
    if (isTypeOnly || !moduleSpecifier || !ts.isStringLiteral(moduleSpecifier)) return []
    const documented = declaredIn(path.resolve(path.dirname(file), moduleSpecifier.text))
    if (!exportClause || !ts.isNamedExports(exportClause)) return documented
    const names = exportClause.elements.filter((element) => !element.isTypeOnly).map(({ name }) => name.text)
    return documented.filter(({ name }) => names.includes(name))
  })
}

function declaredIn(file: string): Documented[] {
  const source = sourceOf(file)
  return source.statements.flatMap((statement) => {
    const isCode = ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)
    if (!isCode || !statement.name || !isExported(statement)) return []
    return [{ name: statement.name.text, docstring: docstringOf(statement) }]
  })
}

const isExported = (node: ts.HasModifiers): boolean =>
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

const docstringOf = (node: ts.Node): string =>
  (ts.getJSDocCommentsAndTags(node).at(-1)?.getText() ?? '').replace(/^\/\*\*|\*\/$/g, '').replace(/^\s*\* ?/gm, '')

function sourceOf(file: string): ts.SourceFile {
  const found = [file, file.replace(/\.js$/, '.ts'), file.replace(/\.js$/, '.tsx')].find(
    (name) => ts.sys.fileExists(name) && !name.endsWith('.js'),
  )
  if (found === undefined) throw new Error(`There is no ${file}`)
  return ts.createSourceFile(found, readFileSync(found, 'utf8'), ts.ScriptTarget.ES2022, true)
}

const exported = ['index.ts', 'configuration/index.ts'].flatMap((entry) =>
  exportedBy(path.join(import.meta.dirname, entry)),
)
const components = exported.filter(({ name }) => /^[A-Z]/.test(name) && name !== 'ApiError')
const hooks = exported.filter(({ name }) => /^use[A-Z]/.test(name))

describe('what the package exports', () => {
  it.each(exported)('$name says in a sentence what it is', ({ docstring }) => {
    expect(docstring.replace(/\{@link (\w+)\}/g, '$1').trim()).toMatch(/^[^@]*\w+ \w+ \w+/)
  })
})

describe('a component of the package', () => {
  it('is one of many', () => {
    expect(components.length).toBeGreaterThan(25)
  })

  it.each(components)('$name has an example', ({ name, docstring }) => {
    expect(docstring).toMatch(new RegExp(`@example[\\s\\S]*<${name}\\b`))
  })
})

describe('a hook of the package', () => {
  it('is one of many', () => {
    expect(hooks.length).toBeGreaterThan(25)
  })

  it.each(hooks)('$name has an example', ({ name, docstring }) => {
    expect(docstring).toMatch(new RegExp(`@example[\\s\\S]*\\b${name}\\(`))
  })
})
