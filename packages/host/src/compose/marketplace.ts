import path from 'node:path'
import { createArtifacts, createArtifactStore, resolveArtifactLimits } from '../artifacts/index.js'
import { createCatalog, createPostgresCatalogStore } from '../catalog/index.js'
import { createEgressFetch, isExempt } from '../egress/index.js'
import type { Foundation } from './foundation.js'

export type Marketplace = ReturnType<typeof wireMarketplace>

/** From the marketplace to exact bytes. */
export function wireMarketplace({ options, pool, ceiling, logEvent }: Foundation) {
  const { marketplace, dataDir, egress = {} } = options
  const operatorTargets = targetsOf([
    marketplace.location,
    ...Object.values(ceiling.connections ?? {}).flatMap(({ tokenUrl, revokeUrl }) => [tokenUrl, revokeUrl ?? '']),
  ])
  const egressFetch = createEgressFetch({
    // What the operator configured may be in the operator's own network; what a manifest names may not.
    allowsAddress: (_address, host, port) => operatorTargets.has(`${host}:${port}`),
    hostMap: egress.hostMap,
    extraCa: egress.extraCa ?? [],
    ...egress.network,
  })
  const fetch = egressFetch as unknown as typeof globalThis.fetch
  const artifactLimits = resolveArtifactLimits(options.limits?.artifacts)
  return {
    isPrivateAllowed: (address: string, port: number) => isExempt(egress.allowPrivate ?? [], address, port),
    egressFetch,
    fetch,
    catalog: createCatalog({
      location: marketplace.location,
      fetch,
      store: createPostgresCatalogStore(pool),
      log: logEvent,
      ...options.limits?.marketplace,
      ...(marketplace.refreshIntervalMs === undefined ? {} : { refreshIntervalMs: marketplace.refreshIntervalMs }),
    }),
    artifacts: createArtifacts({
      location: marketplace.location,
      fetch,
      store: createArtifactStore({ pool, cacheDir: path.join(dataDir, 'artifacts'), limits: artifactLimits }),
      tempDir: path.join(dataDir, 'builds'),
      log: logEvent,
      ...(options.npm ? { npm: options.npm } : {}),
      limits: artifactLimits,
    }),
  }
}

/** Host and port of every http(s) address among these. */
function targetsOf(addresses: readonly string[]): ReadonlySet<string> {
  const urls = addresses
    .filter((address) => /^https?:/.test(address) && URL.canParse(address))
    .map((address) => new URL(address))
  return new Set(
    urls.map(({ hostname, port, protocol }) => `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`),
  )
}
