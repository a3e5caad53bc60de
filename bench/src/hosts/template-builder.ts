import { createRequire } from 'node:module'
import { buildCellByCell, unmergeRules, type TemplateColumn } from '../seed-way/risk-template.js'
import { answerQuestions } from './host-process.js'

export interface TemplateBuilderInput {
  /** Parts of risk-import, as one file. */
  bundle: string
  users: number
}

interface Person {
  id: number
  name: string
  surname: string
  email: string
}

interface RiskImport {
  columns: readonly { width: number; holds: { kind: string; values?: readonly string[] } }[]
  headerOf(column: unknown): string
  peopleOf(all: readonly Person[]): unknown
  labelOf(person: Person): string
  buildTemplate(content: { people: unknown }): Promise<Uint8Array>
}

export interface BuiltTemplate {
  ms: number
  bytes: number
}

export type TemplateBuilderCommands = ReturnType<typeof startTemplateBuilder>['commands']

function startTemplateBuilder({ bundle, users }: TemplateBuilderInput) {
  const plugin = createRequire(import.meta.url)(bundle) as RiskImport
  const people = Array.from({ length: users }, (_, index) => personAt(index + 1))
  const columns = plugin.columns.map((column): TemplateColumn => {
    const { kind, values = kind === 'person' ? people.map((person) => plugin.labelOf(person)) : [] } = column.holds
    const rules = kind === 'text' ? 'text' : kind === 'date' ? 'date' : 'list'
    return { header: plugin.headerOf(column), width: column.width, kind: rules, values }
  })
  return {
    commands: {
      ours: () => timed(() => plugin.buildTemplate({ people: plugin.peopleOf(people) })),
      cellByCell: () => timed(() => buildCellByCell(columns)),
      unmerged: () => timed(async () => unmergeRules(await buildCellByCell(columns))),
    },
    stop: () => Promise.resolve(),
  }
}

function personAt(id: number): Person {
  return { id, name: `Given${id}`, surname: `Family${id}`, email: `given${id}.family${id}@company.example` }
}

async function timed(build: () => Promise<Uint8Array>): Promise<BuiltTemplate> {
  const startedAt = performance.now()
  const { length } = await build()
  return { ms: performance.now() - startedAt, bytes: length }
}

answerQuestions((input: TemplateBuilderInput) => Promise.resolve(startTemplateBuilder(input)))
