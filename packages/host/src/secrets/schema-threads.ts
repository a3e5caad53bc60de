import { TenonError } from '@tenon/contract'
import { createAskedThread, type Outcome } from '../threads/asked-thread.js'
import { configurationLimits, invalidWhole, oversizeOf } from './configuration-limits.js'
import type { ConfigurationProblem } from './schema-problems.js'
import type { JsonSchema } from './schema-secrets.js'
import { createSlowSchemas, slowMs } from './slow-schemas.js'

/** Everything travels as JSON text: it is copied at once, and weighed before. */
export type SchemaQuestion =
  | { kind: 'problems'; schema: string; value: string }
  | { kind: 'secrets'; schema: string; value: string }
  | { kind: 'merge'; schema: string; sent: string; stored: string }

interface Answers {
  problems: { problems: ConfigurationProblem[] }
  secrets: { secrets: number[] }
  merge: { merged: string; secrets: number[]; refused?: never } | { refused: Record<string, unknown> }
}
type Kind = keyof Answers

/** `unusable`: what is wrong with the schema itself. */
export type SchemaAnswer = Answers[Kind] | { unusable: string }

/** Whose plugin wrote the schema, and for whom it is used. */
export interface SchemaUse {
  /** The name of the plugin, for people. */
  plugin: string
  /** Organizations take turns. */
  tenantId: string
}

/**
 * What is done by the JSON Schema that a plugin wrote. It is the attacker's text, and it is a thread that does what it says.
 *
 * Each throws TenonError PLUGIN_RESULT_INVALID when the schema itself cannot be used, and CONFIGURATION_INVALID when it takes
 * more time than the configuration limits allow, or more memory than a thread has.
 */
export interface SchemaThreads {
  /** What is wrong with a value. One beyond the configuration limits is a problem before the schema is looked at. */
  findProblems(value: unknown, schema: JsonSchema, use: SchemaUse): Promise<ConfigurationProblem[]>
  /** @throws TenonError CONFIGURATION_INVALID with one entry for each field. */
  assertValid(value: unknown, schema: JsonSchema, use: SchemaUse): Promise<void>
  /** Which parts are secret: their places, to be walked with `replacePlaces` over the JSON value. */
  findSecrets(json: string, schema: JsonSchema, use: SchemaUse): Promise<number[]>
  /**
   * See `ConfigurationVault.merge`; `secrets` are places in what came of it.
   *
   * @throws TenonError CONFIGURATION_INVALID for a masked secret that belongs to no stored item
   */
  merge(
    sent: unknown,
    stored: unknown,
    schema: JsonSchema,
    use: SchemaUse,
  ): Promise<{ merged: unknown; secrets: number[] }>
  close(): Promise<void>
}

/** When the processors were busy with other things, a second may pass in which hardly anything was done. */
const patientAttempts = 2

/**
 * Two threads: what is not done at once goes to the second, and so does a schema that was slow lately. There they wait for
 * each other, and nobody else waits for them.
 */
export function createSchemaThreads(): SchemaThreads {
  const own = { script: 'schema-worker', memoryMb: configurationLimits.threadMb } as const
  const quick = createAskedThread<SchemaQuestion, SchemaAnswer>({ ...own, answerMs: slowMs })
  const patient = createAskedThread<SchemaQuestion, SchemaAnswer>({
    ...own,
    answerMs: configurationLimits.milliseconds,
  })
  const slow = createSlowSchemas()
  const texts = new WeakMap<JsonSchema, string>()

  function textOf(schema: JsonSchema): string {
    const text = texts.get(schema) ?? JSON.stringify(schema)
    texts.set(schema, text)
    return text
  }

  async function ask<Asked extends Kind>(
    question: SchemaQuestion & { kind: Asked },
    { plugin, tenantId }: SchemaUse,
  ): Promise<Answers[Asked]> {
    const answer = await answerTo(question, tenantId)
    if (!('unusable' in answer)) return answer as Answers[Asked]
    const reason = `the JSON Schema of its configuration: ${answer.unusable}`
    throw new TenonError('PLUGIN_RESULT_INVALID', { plugin, reason })
  }

  async function answerTo(question: SchemaQuestion, tenantId: string): Promise<SchemaAnswer> {
    const { schema } = question
    const noted = (outcome: Outcome<SchemaAnswer>) => {
      // What ended a thread was slow, however soon: the next one has to start
      if ('ms' in outcome) slow.note(schema, 'failure' in outcome ? Math.max(slowMs, outcome.ms) : outcome.ms)
      return outcome
    }
    const first = noted(await quick.ask(question, tenantId, () => !slow.has(schema)))
    if ('answer' in first) return first.answer
    for (let attempt = 1; ; attempt++) {
      const outcome = noted(await patient.ask(question, tenantId, () => !slow.isSpent(schema)))
      if ('answer' in outcome) return outcome.answer
      const isBadLuck = outcome.failure === 'died' || (outcome.failure === 'late' && outcome.isStarved)
      if (isBadLuck && attempt < patientAttempts) continue
      throw invalidWhole(outcome.failure === 'died' ? 'takes too much memory to check' : 'takes too long to check')
    }
  }

  async function findProblems(value: unknown, schema: JsonSchema, use: SchemaUse) {
    const oversize = oversizeOf(value)
    if (oversize !== undefined) return [{ field: '', message: oversize }]
    const { problems } = await ask({ kind: 'problems', schema: textOf(schema), value: JSON.stringify(value) }, use)
    return problems
  }

  return {
    findProblems,
    async assertValid(value, schema, use) {
      const problems = await findProblems(value, schema, use)
      if (problems.length === 0) return
      const reasons = problems.map(({ field, message }) => `${field.slice(1) || 'the whole'} ${message}`).join('; ')
      throw new TenonError('CONFIGURATION_INVALID', { reasons, problems })
    },
    async findSecrets(json, schema, use) {
      const { secrets } = await ask({ kind: 'secrets', schema: textOf(schema), value: json }, use)
      return secrets
    },
    async merge(sent, stored, schema, use) {
      const values = { sent: JSON.stringify(sent), stored: JSON.stringify(stored) }
      const answer = await ask({ kind: 'merge', schema: textOf(schema), ...values }, use)
      if (answer.refused) throw new TenonError('CONFIGURATION_INVALID', answer.refused)
      return { merged: JSON.parse(answer.merged) as unknown, secrets: answer.secrets }
    },
    async close() {
      await Promise.all([quick.stop(), patient.stop()])
    },
  }
}
