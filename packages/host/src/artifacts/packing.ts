/** Packing a marketplace of one's own, for `tenon pack` and for builds. The sources are trusted here: they are ours. */
export {
  packMarketplace,
  type PackedMarketplace,
  type PackMarketplaceOptions,
  type PackProgress,
} from './pack-marketplace.js'
export { packPlugin, type PackedPlugin, type PackPluginOptions } from './pack.js'
