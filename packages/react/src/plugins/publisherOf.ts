import type { Plugin } from './types.js'

/** Who publishes a plugin, as its manifest says it. */
export function publisherOf({ author, publisher }: Pick<Plugin, 'author' | 'publisher'>): string {
  return author ?? publisher ?? 'Unknown publisher'
}
