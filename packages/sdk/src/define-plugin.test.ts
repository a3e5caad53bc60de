import type * as contract from '@tenon/contract'
import { expect, expectTypeOf, it } from 'vitest'
import { definePlugin } from './index.js'
import type * as sdk from './index.js'

const metadata = { name: 'Notes', version: '1.0.0', author: 'Tenon', description: 'Keeps notes' }

it('gives a definition back as it is', () => {
  const definition = { metadata, router: { 'GET /notes': () => ({ data: [] }) } }
  expect(definePlugin(definition)).toBe(definition)
})

it('knows the types of what a function gets', () => {
  definePlugin({
    metadata,
    async install(userId, tenantId, _config, context) {
      expectTypeOf(userId).toEqualTypeOf<number>()
      expectTypeOf(tenantId).toEqualTypeOf<string>()
      expectTypeOf(context.connections.list).returns.resolves.toEqualTypeOf<sdk.Connection[]>()
      const rows = await context.sequelize.query<{ id: number }>('SELECT 1 AS id', { type: 'SELECT' })
      expectTypeOf(rows).toEqualTypeOf<{ id: number }[]>()
      const [returned] = await context.sequelize.query<{ id: number }>('DELETE FROM notes RETURNING id')
      expectTypeOf(returned).toEqualTypeOf<{ id: number }[]>()
      return { success: true }
    },
  })
})

it('refuses a result of another shape', () => {
  definePlugin({
    metadata,
    // @ts-expect-error a result says whether it succeeded
    install: () => ({ message: 'done' }),
  })
})

it('says the same as the host', () => {
  expectTypeOf<sdk.PluginMetadata>().toEqualTypeOf<contract.PluginMetadata>()
  expectTypeOf<sdk.InstallResult>().toEqualTypeOf<contract.InstallResult>()
  expectTypeOf<sdk.UninstallResult>().toEqualTypeOf<contract.UninstallResult>()
  expectTypeOf<sdk.ConfigureResult>().toEqualTypeOf<contract.ConfigureResult>()
  expectTypeOf<sdk.ValidationResult>().toEqualTypeOf<contract.ValidationResult>()
  expectTypeOf<sdk.TestConnectionResult>().toEqualTypeOf<contract.TestConnectionResult>()
  expectTypeOf<sdk.RouteResult>().toEqualTypeOf<contract.PluginRouteResult>()
  expectTypeOf<sdk.UploadedFile>().toEqualTypeOf<contract.UploadedFile>()
  expectTypeOf<sdk.PluginEvent>().toEqualTypeOf<contract.PluginEvent>()
  expectTypeOf<sdk.EventFailure>().toEqualTypeOf<contract.EventFailure>()
  expectTypeOf<sdk.Connection>().toEqualTypeOf<contract.ConnectionView>()
})
