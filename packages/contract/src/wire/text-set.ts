/** Bytes of a text that are looked at to find its place, from either end. */
const looked = 16
/** Places that a text may be at. Who chooses texts that crowd into the same ones has them counted more than once. */
const maxPlaces = 8

/** Which pieces of a text came before: only where they are is kept, not what they say. */
export function createTextSet(text: Buffer, capacity: number) {
  const size = 2 ** Math.ceil(Math.log2(2 * capacity + 1))
  const places = new Int32Array(size)

  return {
    /** Whether the piece is new among those of its sort, 0 or 1. There must be the same byte after each. */
    add(start: number, end: number, sort: 0 | 1): boolean {
      const entry = start * 2 + sort
      let place = hashOf(text, start, end) + sort
      for (let tried = 0; tried < maxPlaces; tried++, place++) {
        const known = places[place & (size - 1)] as number
        if (known === 0) {
          places[place & (size - 1)] = entry
          return true
        }
        if ((known & 1) === sort && isSame(text, known >> 1, start, end)) return false
      }
      return true
    },
  }
}

function hashOf(text: Buffer, start: number, end: number): number {
  const length = end - start
  let hash = length
  const firstEnd = length <= 2 * looked ? end : start + looked
  for (let at = start; at < firstEnd; at++) hash = Math.imul(hash ^ (text[at] as number), 0x01000193)
  if (firstEnd < end) {
    for (let at = end - looked; at < end; at++) hash = Math.imul(hash ^ (text[at] as number), 0x01000193)
  }
  // The lower bits choose the place, and all should have a say in it.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return (hash ^ (hash >>> 15)) >>> 1
}

/** The byte after the pieces is looked at too: where it is the same, the known one ends there as well. */
function isSame(text: Buffer, known: number, start: number, end: number): boolean {
  const bytes = end + 1 - start
  if (bytes > 2 * looked) return text.compare(text, known, known + bytes, start, end + 1) === 0
  for (let at = 0; at < bytes; at++) if (text[known + at] !== text[start + at]) return false
  return true
}
