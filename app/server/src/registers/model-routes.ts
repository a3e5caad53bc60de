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
import { modelStatuses } from '../vocabulary.js'
import { createRegisterStore } from './register-store.js'

const newModelSchema = z
  .strictObject({
    provider: requiredText(255),
    model: requiredText(255),
    version: requiredText(255),
    approver: optionalId.optional(),
    capabilities: text(20_000).optional(),
    security_assessment: z.boolean().optional(),
    status: z.enum(modelStatuses).optional(),
    status_date: momentSchema.optional(),
    reference_link: text(255).optional(),
    biases: text(255).optional(),
    limitations: text(255).optional(),
    hosting_provider: text(255).optional(),
  })
  .meta({ id: 'NewModel' })

const modelSchema = z
  .object({
    id: z.int(),
    provider_model: z.string(),
    provider: z.string(),
    model: z.string(),
    version: z.string(),
    approver: z.int().nullable(),
    capabilities: z.string(),
    security_assessment: z.boolean(),
    status: z.enum(modelStatuses),
    status_date: tolerantTimestampSchema,
    reference_link: z.string(),
    biases: z.string(),
    limitations: z.string(),
    hosting_provider: z.string(),
    created_at: tolerantTimestampSchema,
    updated_at: tolerantTimestampSchema,
  })
  .meta({ id: 'Model' })

const sortable = ['id', 'provider', 'model', 'version', 'status', 'status_date', 'created_at', 'updated_at'] as const

export function modelRoutes({ pool }: { pool: Pool }): Route[] {
  const models = createRegisterStore<z.input<typeof modelSchema>>(pool, {
    table: 'model_inventories',
    noun: 'Model',
    columns: Object.fromEntries(Object.keys(modelSchema.shape).map((name) => [name, name])),
    searched: ['provider', 'model', 'version', 'capabilities'],
    userColumns: ['approver'],
    changeStamp: 'updated_at = now()',
  })

  return [
    route({
      method: 'get',
      path: '/api/models',
      tag: 'Models',
      summary: 'Model inventory of the organization',
      access: 'Auditor',
      query: listQuery(sortable),
      answer: listOf(modelSchema).meta({ id: 'ModelList' }),
      handle: ({ principal, query }) => models.list(principal.tenantId, query),
    }),
    route({
      method: 'post',
      path: '/api/models',
      tag: 'Models',
      summary: 'Add a model',
      access: 'Editor',
      body: newModelSchema,
      status: 201,
      answer: modelSchema,
      handle: ({ principal, body }) => {
        const values = { ...body, provider_model: `${body.provider} ${body.model}`.slice(0, 255) }
        return models.insert(principal.tenantId, principal.organizationId, values)
      },
    }),
  ]
}
