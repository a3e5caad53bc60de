import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { catalogLimits } from '../catalog/catalog-limits.js'
import { resolveArtifactLimits } from './artifact-limits.js'
import { createArtifactsHarness, type ArtifactsHarness } from './testing/artifacts-harness.js'
import { catalogEntry, startMarketplace } from './testing/marketplace-server.js'

let harness: ArtifactsHarness
beforeAll(async () => {
  harness = await createArtifactsHarness()
})
afterAll(() => harness.close())

it('gives a manifest and a file 10 seconds, npm a minute, and a resolution five days', () => {
  expect(catalogLimits.timeoutMs).toBe(10_000)
  expect(resolveArtifactLimits()).toMatchObject({
    fileTimeoutMs: 10_000,
    npmTimeoutMs: 60_000,
    sourceFreshMs: 432_000_000,
  })
})

it('ends npm when a registry does not answer, and leaves nothing', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening))
  const marketplace = await startMarketplace()
  marketplace.files.set('plugins/sample/index.ts', `import 'never-answered'`)
  const { artifacts, leftovers } = await harness.newHost(marketplace.location, {
    npm: { registry: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/` },
    limits: { npmTimeoutMs: 1_500 },
  })
  await expect(artifacts.resolve(catalogEntry({ dependencies: { 'never-answered': '1.0.0' } }))).rejects.toMatchObject({
    code: 'DEPENDENCIES_FAILED',
    message: expect.stringContaining('npm did not finish within 1.5 seconds') as string,
  })
  expect(await leftovers()).toEqual([])
  silent.closeAllConnections()
  silent.close()
  await marketplace.close()
})
