import type { Section } from '../report.js'
import type { Registry } from '../registry.js'
import type { InstalledHosts } from './install.js'

const listings = 100

/** Counts at the registry what 100 looks at the marketplace and 100 at the installations cause. */
export async function measureListings({ ours, seed }: InstalledHosts, registry: Registry): Promise<Section> {
  const countDuring = async (list: () => Promise<void>): Promise<number> => {
    const before = registry.requests
    await list()
    return registry.requests - before
  }
  const ourRequests = await countDuring(() => ours.ask('list', listings))
  const seedRequests = await countDuring(() => seed.ask('list', listings))
  return {
    title: `Requests to the registry for ${listings} × marketplace and ${listings} × installations`,
    rows: [
      { id: 'listing-ours', what: 'through the API', value: ourRequests, unit: 'requests', target: { atMost: 0 } },
      { id: 'listing-seed', what: "the seed's way", value: seedRequests, unit: 'requests' },
    ],
  }
}
