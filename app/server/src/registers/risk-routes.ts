import type { Pool } from 'pg'
import * as z from 'zod'
import {
  idSchema,
  listOf,
  listQuery,
  momentSchema,
  optionalId,
  requiredText,
  text,
  tolerantTimestampSchema,
} from '../http/fields.js'
import { type Route, route } from '../http/route.js'
import * as words from '../vocabulary.js'
import { createRegisterStore, type RegisterDefinition } from './register-store.js'
import { calculateRiskLevel } from './risk-level.js'

const longText = text(20_000)

const newRiskSchema = z
  .strictObject({
    risk_name: requiredText(255),
    risk_description: requiredText(20_000),
    ai_lifecycle_phase: z.enum(words.aiLifecyclePhases),
    likelihood: z.enum(words.likelihoods),
    severity: z.enum(words.severities),
    risk_owner: optionalId.optional(),
    risk_category: z.array(z.enum(words.riskCategories)).max(words.riskCategories.length).nullable().optional(),
    impact: text(255).nullable().optional(),
    review_notes: longText.nullable().optional(),
    mitigation_status: z.enum(words.mitigationStatuses).nullable().optional(),
    current_risk_level: z.enum(words.currentRiskLevels).nullable().optional(),
    deadline: momentSchema.nullable().optional(),
    mitigation_plan: longText.nullable().optional(),
    implementation_strategy: longText.nullable().optional(),
    likelihood_mitigation: z.enum(words.likelihoods).nullable().optional(),
    risk_severity: z.enum(words.riskSeverities).nullable().optional(),
    final_risk_level: text(255).nullable().optional(),
    risk_approval: optionalId.optional(),
    approval_status: text(255).nullable().optional(),
    date_of_assessment: momentSchema.nullable().optional(),
  })
  .meta({ id: 'NewRisk' })

const riskChangeSchema = newRiskSchema
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'name at least one field to change')
  .meta({ id: 'RiskChange' })

/** Of an array in Postgres. */
const maxArrayDimensions = 6

const riskSchema = z
  .object({
    id: z.int(),
    risk_name: z.string(),
    risk_owner: z.int().nullable(),
    ai_lifecycle_phase: z.enum(words.aiLifecyclePhases),
    risk_description: z.string(),
    // Postgres lets a column of lists hold lists of lists as well.
    risk_category: z
      .array(z.union([z.string(), z.null(), z.array(z.unknown())]))
      .transform((list) => list.flat(maxArrayDimensions) as (string | null)[])
      .pipe(z.array(z.string().nullable()))
      .nullable(),
    impact: z.string().nullable(),
    likelihood: z.enum(words.likelihoods),
    severity: z.enum(words.severities),
    risk_level_autocalculated: z.enum(words.riskLevels).nullable(),
    review_notes: z.string().nullable(),
    mitigation_status: z.enum(words.mitigationStatuses).nullable(),
    current_risk_level: z.enum(words.currentRiskLevels).nullable(),
    deadline: tolerantTimestampSchema,
    mitigation_plan: z.string().nullable(),
    implementation_strategy: z.string().nullable(),
    likelihood_mitigation: z.enum(words.likelihoods).nullable(),
    risk_severity: z.enum(words.riskSeverities).nullable(),
    final_risk_level: z.string().nullable(),
    risk_approval: z.int().nullable(),
    approval_status: z.string().nullable(),
    date_of_assessment: tolerantTimestampSchema,
    import_id: z.string().nullable().describe('The import that brought this risk'),
    created_at: tolerantTimestampSchema,
    updated_at: tolerantTimestampSchema,
  })
  .meta({ id: 'Risk' })

const definition: RegisterDefinition = {
  table: 'risks',
  noun: 'Risk',
  columns: {
    ...Object.fromEntries(Object.keys(riskSchema.shape).map((name) => [name, name])),
    // The driver does not know the array type of an enum that we made.
    risk_category: 'risk_category::text[]',
    // Times without a zone are in the zone of the session.
    created_at: 'created_at::timestamptz',
    updated_at: 'updated_at::timestamptz',
  },
  searched: ['risk_name', 'risk_description', 'impact', 'review_notes'],
  visible: 'NOT is_deleted',
  userColumns: ['risk_owner', 'risk_approval'],
  changeStamp: 'updated_at = now()',
  deletion: 'is_deleted = true, deleted_at = now()',
}

const sortable = [
  'id',
  'risk_name',
  'likelihood',
  'severity',
  'mitigation_status',
  'deadline',
  'created_at',
  'updated_at',
] as const
const params = z.object({ id: idSchema })

export function riskRoutes({ pool }: { pool: Pool }): Route[] {
  const risks = createRegisterStore<z.input<typeof riskSchema>>(pool, definition)

  return [
    route({
      method: 'get',
      path: '/api/risks',
      tag: 'Risks',
      summary: 'Risks of the organization',
      access: 'Auditor',
      query: listQuery(sortable),
      answer: listOf(riskSchema).meta({ id: 'RiskList' }),
      handle: ({ principal, query }) => risks.list(principal.tenantId, query),
    }),
    route({
      method: 'post',
      path: '/api/risks',
      tag: 'Risks',
      summary: 'Add a risk',
      access: 'Editor',
      body: newRiskSchema,
      status: 201,
      answer: riskSchema,
      handle: ({ principal, body }) => {
        const risk_level_autocalculated = calculateRiskLevel(body.likelihood, body.severity)
        const values = { ...body, risk_level_autocalculated }
        return risks.insert(principal.tenantId, principal.organizationId, values)
      },
    }),
    route({
      method: 'get',
      path: '/api/risks/:id',
      tag: 'Risks',
      summary: 'One risk',
      access: 'Auditor',
      params,
      answer: riskSchema,
      handle: ({ principal, params: { id } }) => risks.find(principal.tenantId, id),
    }),
    route({
      method: 'patch',
      path: '/api/risks/:id',
      tag: 'Risks',
      summary: 'Change a risk',
      access: 'Editor',
      params,
      body: riskChangeSchema,
      answer: riskSchema,
      async handle({ principal, params: { id }, body }) {
        const { tenantId, organizationId } = principal
        const { likelihood, severity } = { ...(await risks.find(tenantId, id)), ...body }
        const values = { ...body, risk_level_autocalculated: calculateRiskLevel(likelihood, severity) }
        return risks.update(tenantId, organizationId, id, values)
      },
    }),
    route({
      method: 'delete',
      path: '/api/risks/:id',
      tag: 'Risks',
      summary: 'Delete a risk',
      access: 'Editor',
      params,
      answer: z.string(),
      async handle({ principal, params: { id } }) {
        await risks.remove(principal.tenantId, id)
        return 'Risk deleted successfully'
      },
    }),
  ]
}
