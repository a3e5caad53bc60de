import type { VerifiedArtifact } from '@tenon/contract'
import type { PluginInvocation } from '@tenon/contract/wire'
import { afterAll, expect, it } from 'vitest'
import { createRuntime, type PluginCall, type PluginTarget } from './index.js'
import { createHash } from 'node:crypto'

const runtime = createRuntime({
  log: { info: () => undefined, warn: () => undefined },
  limits: { graceMs: 300, pingMs: 500 },
})
afterAll(() => runtime.stop())

function target(code: string, tenantId = 'tenantAAAA'): PluginTarget {
  const digest = createHash('sha256').update(code).digest('hex')
  return {
    tenantId,
    pluginKey: 'probe',
    artifact: { digest, pluginKey: 'probe', version: '1.0.0', code } as VerifiedArtifact,
  }
}
function call(invocation: PluginInvocation, more: Partial<PluginCall> = {}): PluginCall {
  return { invocation, context: { tenantId: 'tenantAAAA', userId: 7, organizationId: 3, configuration: {} }, ...more }
}

it('installs', async () => {
  const t = target(
    `exports.install = async (u, t, c, ctx) => ({ success: true, u, t, c, q: await ctx.secrets.seal('x') })`,
  )
  const host = { 'secrets.seal': async (p: unknown) => ({ sealed: p }) }
  expect(await runtime.call(t, call({ kind: 'install', configuration: { a: new Date(5) } }, { host }))).toEqual({
    success: true,
    u: 7,
    t: 'tenantAAAA',
    c: { a: new Date(5) },
    q: { sealed: { value: 'x' } },
  })
})
it('kills an endless loop', async () => {
  const t = target(`exports.install = async () => { for(;;); }`)
  await expect(
    runtime.call(t, call({ kind: 'install', configuration: {} }, { deadlineMs: 200 })),
  ).rejects.toMatchObject({ code: 'CALL_TIMEOUT' })
})
it('withstands its own probe', async () => {
  expect(await runtime.selfTest()).toEqual({ tier: 'T1', passed: true, breaches: [] })
})
