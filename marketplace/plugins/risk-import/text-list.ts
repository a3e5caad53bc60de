/** Texts by number. */
export interface TextList {
  add(text: string): void
  /** Undefined where there is none. */
  at(index: number): string | undefined
}

/** Most texts are some words long. */
const PAGE_BYTES = 1024 * 1024
/** Of a UTF-16 unit in UTF-8. */
const MAX_BYTES_PER_UNIT = 3
const FIRST_ROOM = 1_024

/**
 * Keeps texts as bytes in pages. A workbook names hundreds of thousands of them by number, which all have to be at hand:
 * as strings they would be most of the heap, which V8 lets grow to several times of what lives in it.
 */
export function createTextList(): TextList {
  const pages: Buffer[] = []
  let page = Buffer.alloc(0)
  let filled = 0
  let count = 0
  /** Of each text: its page, where it begins there, and its bytes. */
  let places = new Uint32Array(3 * FIRST_ROOM)

  return {
    add(text) {
      const needed = text.length * MAX_BYTES_PER_UNIT
      if (pages.length === 0 || filled + needed > page.length) {
        page = Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, needed))
        pages.push(page)
        filled = 0
      }
      const bytes = page.write(text, filled)
      if (3 * count === places.length) {
        const larger = new Uint32Array(2 * places.length)
        larger.set(places)
        places = larger
      }
      places.set([pages.length - 1, filled, bytes], 3 * count)
      filled += bytes
      count += 1
    },
    at(index) {
      if (!Number.isInteger(index) || index < 0 || index >= count) return undefined
      const [number = 0, start = 0, bytes = 0] = places.subarray(3 * index, 3 * index + 3)
      return pages[number]?.toString('utf8', start, start + bytes)
    },
  }
}
