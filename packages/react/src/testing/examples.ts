import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

/** A piece of code that people are shown, to be copied. */
export interface Example {
  /** File and line in the repository. */
  where: string
  code: string
  /** In a docstring everybody knows where the names of the package come from; on a page they are imported. */
  importsItself: boolean
}

export const repository = path.resolve(import.meta.dirname, '../../../..')

/** The examples in the docstrings of a package. */
export function docstringExamples(directory: string): Example[] {
  return readdirSync(path.join(repository, directory), { recursive: true, encoding: 'utf8' })
    .map((file) => file.split(path.sep).join('/'))
    .filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$|(^|\/)testing\//.test(file))
    .sort()
    .flatMap((file) => examplesInFile(path.posix.join(directory, file)))
}

function examplesInFile(file: string): Example[] {
  const text = readFileSync(path.join(repository, file), 'utf8')
  return [...text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\//g)].flatMap(({ 1: docstring = '', index }) =>
    examplesInDocstring(docstring).map((code) => ({
      where: `${file}:${lineAt(text, index)}`,
      code,
      importsItself: false,
    })),
  )
}

/** From `@example` to the next tag, and what stands in fences anywhere else. */
function examplesInDocstring(docstring: string): string[] {
  const lines = docstring.split('\n').map((line) => line.replace(/^\s*\*? ?/, ''))
  const tags = lines.join('\n').split(/^(?=@[a-z]+\b)/m)
  return tags.flatMap((tag) => {
    const fenced = fencesIn(tag).map(({ code }) => code)
    return fenced.length > 0 || !tag.startsWith('@example') ? fenced : [tag.slice('@example'.length).trim()]
  })
}

/** The blocks of TypeScript on a page of documentation. */
export function pageExamples(file: string): Example[] {
  const text = readFileSync(path.join(repository, file), 'utf8')
  return fencesIn(text).map(({ code, index }) => ({
    where: `${file}:${lineAt(text, index)}`,
    code,
    importsItself: true,
  }))
}

function fencesIn(text: string): { code: string; index: number }[] {
  return [...text.matchAll(/^```tsx?\n([\s\S]*?)^```/gm)].map(({ 1: code = '', index }) => ({ code, index }))
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length

/** What an example may take for granted: things that any application has. */
const givenNames = `
import type { Plugin, PluginInstallation, Run } from '@tenon/react'
import type { createRoot as reactDomCreateRoot } from 'react-dom/client'
import type { useState as reactUseState } from 'react'
import type { useQueryClient as reactQueryUseQueryClient } from '@tanstack/react-query'
import type { TenonFrame } from '@tenon/sdk/frame'
declare global {
  const useState: typeof reactUseState
  const useQueryClient: typeof reactQueryUseQueryClient
  const createRoot: typeof reactDomCreateRoot
  const plugin: Plugin
  const pluginKey: string
  const installation: PluginInstallation
  const run: Run
  const runId: string
  const frame: TenonFrame
  const names: ReadonlyMap<number, string>
  const isAdmin: boolean
  const isEditor: boolean
  const token: () => string
  const App: () => null
  function may(role: 'Admin' | 'Editor' | 'Reviewer' | 'Auditor'): boolean
  function toast(what: unknown): void
  function navigate(to: string): void
}
`

const styles = 'declare module "*.css"'

/** What the compiler says of each example, all of them in one program. */
export function compileExamples(examples: readonly Example[]): Map<Example, string> {
  const directory = path.join(repository, 'packages/react/src/testing/written-by-a-test')
  const names = path.join(directory, 'names.d.ts')
  const entries = entriesOf(['packages/react', 'packages/sdk'])
  const files = new Map([
    [names, givenNames],
    [path.join(directory, 'styles.d.ts'), styles],
  ])
  const placed = examples.map((example, index) => {
    const file = path.join(directory, `example-${index}.tsx`)
    files.set(file, moduleOf(example, entries))
    return { example, file }
  })
  const program = createProgram(files)
  return new Map(
    placed.map(({ example, file }) => {
      const source = program.getSourceFile(file)
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      return [example, found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')).join('\n')]
    }),
  )
}

function createProgram(files: ReadonlyMap<string, string>): ts.Program {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    customConditions: ['tenon-source'],
    jsx: ts.JsxEmit.ReactJSX,
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    noEmit: true,
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, directoryExists } = host
  host.fileExists = (file) => files.has(path.normalize(file)) || fileExists(file)
  host.readFile = (file) => files.get(path.normalize(file)) ?? readFile(file)
  host.directoryExists = (name) =>
    [...files.keys()].some((file) => path.dirname(file) === path.normalize(name)) || (directoryExists?.(name) ?? true)
  host.getCurrentDirectory = () => repository
  return ts.createProgram({ rootNames: [...files.keys()], options, host })
}

/** An example as a module: its imports, those it is given, and the rest where statements may stand. */
function moduleOf({ code, importsItself }: Example, entries: ReadonlyMap<string, string>): string {
  const source = ts.createSourceFile('example.tsx', code, ts.ScriptTarget.ES2022, true, ts.ScriptKind.TSX)
  const imports = source.statements.filter(ts.isImportDeclaration)
  const rest = source.statements.filter((statement) => !ts.isImportDeclaration(statement))
  const written = imports.map((statement) => statement.getText()).join('\n')
  const given = importsItself ? '' : givenImports(source, written, entries)
  const body = rest.map((statement) => statement.getFullText()).join('')
  const isModule = rest.some((statement) => ts.canHaveModifiers(statement) && isExported(statement))
  return `${given}\n${written}\n${isModule || ts.isExportAssignment(rest[0] ?? source) ? body : `export async function example() {\n${body}\n}`}`
}

const isExported = (node: ts.HasModifiers): boolean =>
  ts.isExportAssignment(node) || (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

function givenImports(source: ts.SourceFile, written: string, entries: ReadonlyMap<string, string>): string {
  const used = new Set<string>()
  const look = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && entries.has(node.text) && !new RegExp(`\\b${node.text}\\b`).test(written)) {
      used.add(node.text)
    }
    ts.forEachChild(node, look)
  }
  look(source)
  return [...used].map((name) => `import { ${name} } from '${entries.get(name)}'`).join('\n')
}

/** Which name comes from which entry of the packages. */
function entriesOf(packages: readonly string[]): Map<string, string> {
  const entries = packages.flatMap((directory) => {
    const { name, exports } = JSON.parse(readFileSync(path.join(repository, directory, 'package.json'), 'utf8')) as {
      name: string
      exports: Record<string, string | { 'tenon-source': string }>
    }
    return Object.entries(exports).flatMap(([entry, target]) =>
      typeof target === 'string'
        ? []
        : [{ from: path.posix.join(name, entry), file: path.join(repository, directory, target['tenon-source']) }],
    )
  })
  return new Map(entries.flatMap(({ from, file }) => exportedNames(file).map((name) => [name, from])))
}

/** What a file exports by name, also from the files that it passes on whole. */
export function exportedNames(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true)
  return source.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) {
      const { exportClause, moduleSpecifier } = statement
      if (exportClause && ts.isNamedExports(exportClause)) return exportClause.elements.map(({ name }) => name.text)
      const from = moduleSpecifier && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : undefined
      return from?.startsWith('.') ? exportedNames(path.resolve(path.dirname(file), from.replace(/\.js$/, '.ts'))) : []
    }
    if (!ts.canHaveModifiers(statement) || !isExported(statement)) return []
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map(({ name }) => name.getText())
    }
    return 'name' in statement && statement.name ? [(statement.name as ts.Identifier).text] : []
  })
}
