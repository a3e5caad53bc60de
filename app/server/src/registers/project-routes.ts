import type { Pool } from 'pg'
import * as z from 'zod'
import {
  listOf,
  listQuery,
  momentSchema,
  optionalId,
  requiredText,
  text,
  tolerantTimestampSchema,
} from '../http/fields.js'
import { type Route, route } from '../http/route.js'
import { highRiskRoles, projectRiskClassifications, projectStatuses } from '../vocabulary.js'
import { createRegisterStore } from './register-store.js'

const newProjectSchema = z
  .strictObject({
    project_title: requiredText(255),
    goal: requiredText(255),
    owner: optionalId.optional(),
    start_date: momentSchema.optional().describe('Today when absent'),
    ai_risk_classification: z.enum(projectRiskClassifications).nullable().optional(),
    type_of_high_risk_role: z.enum(highRiskRoles).nullable().optional(),
    target_industry: text(255).nullable().optional(),
    description: text(255).nullable().optional(),
    status: z.enum(projectStatuses).optional(),
  })
  .meta({ id: 'NewProject' })

const projectSchema = z
  .object({
    id: z.int(),
    project_title: z.string(),
    goal: z.string(),
    owner: z.int().nullable(),
    start_date: tolerantTimestampSchema,
    ai_risk_classification: z.enum(projectRiskClassifications).nullable(),
    type_of_high_risk_role: z.enum(highRiskRoles).nullable(),
    target_industry: z.string().nullable(),
    description: z.string().nullable(),
    status: z.enum(projectStatuses),
    last_updated: tolerantTimestampSchema,
    created_at: tolerantTimestampSchema,
  })
  .meta({ id: 'Project' })

const sortable = ['id', 'project_title', 'start_date', 'status', 'last_updated', 'created_at'] as const

export function projectRoutes({ pool }: { pool: Pool }): Route[] {
  const projects = createRegisterStore<z.input<typeof projectSchema>>(pool, {
    table: 'projects',
    noun: 'Project',
    columns: {
      ...Object.fromEntries(Object.keys(projectSchema.shape).map((name) => [name, name])),
      created_at: 'created_at::timestamptz',
    },
    searched: ['project_title', 'goal', 'description', 'target_industry'],
    userColumns: ['owner'],
    changeStamp: 'last_updated = now()',
  })

  return [
    route({
      method: 'get',
      path: '/api/projects',
      tag: 'Projects',
      summary: 'Projects of the organization',
      access: 'Auditor',
      query: listQuery(sortable),
      answer: listOf(projectSchema).meta({ id: 'ProjectList' }),
      handle: ({ principal, query }) => projects.list(principal.tenantId, query),
    }),
    route({
      method: 'post',
      path: '/api/projects',
      tag: 'Projects',
      summary: 'Add a project',
      access: 'Editor',
      body: newProjectSchema,
      status: 201,
      answer: projectSchema,
      handle: ({ principal, body }) => {
        const { tenantId, organizationId, userId } = principal
        const start_date = body.start_date ?? new Date()
        return projects.insert(tenantId, organizationId, { ...body, start_date, last_updated_by: userId })
      },
    }),
  ]
}
