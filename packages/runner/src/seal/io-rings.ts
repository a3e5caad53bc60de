import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Libc } from './libc.js'

interface Region {
  from: bigint
  to: bigint
  permissions: string
  offset: bigint
  name: string
}

/** Where libuv's `struct uv__iou` keeps, counted from its pointer to the submission ring, the rest of what is known. */
const layout = { completions: 8, entries: 16, sizes: 24, descriptor: 56, inFlight: 60, bytes: 64 }
/** glibc begins the heaps of its threads at multiples of this, and reserves this much for each. */
const arenaBytes = 64n * 1024n * 1024n

/**
 * Takes the io_uring of every event loop away. libuv (since Node 22) opens one per loop to save calls of epoll_ctl. Who
 * has such a ring can open files and connect through it, past any filter of system calls: what counts is in shared
 * memory, where the filter does not look. libuv does without when its loop says that it has none, so the loops are
 * found in memory and told so.
 *
 * @throws Error when a ring is there that no loop was found for: then the process must not run foreign code.
 */
export function closeIoRings(libc: Libc): void {
  const descriptors = ringDescriptors()
  if (descriptors.length === 0) return
  const regions = readRegions()
  const rings = regions.filter(({ name, offset }) => isRing(name) && offset === 0n)
  const entries = new Set(regions.filter(({ name, offset }) => isRing(name) && offset !== 0n).map(({ from }) => from))
  const heaps = regions.filter(isHeap).map(({ from, to }) => libc.memoryAt(from, Number(to - from)))
  const open = new Set(descriptors)
  for (const { from } of rings) {
    const descriptor = disownRing(heaps, from, entries, open)
    if (descriptor === undefined) throw new Error('an io_uring of the event loop could not be taken away')
    open.delete(descriptor)
  }
  if (open.size > 0) throw new Error('an io_uring is open that no event loop knows of')
  for (const { from, to } of regions.filter(({ name }) => isRing(name))) libc.system('munmap', from, to - from)
  for (const descriptor of descriptors) libc.system('close', descriptor)
}

/** Bytes of an address: the two before are the same for neighbours of a page, and the two behind zero. */
const rarePart = { from: 2, to: 6 }

/** Writes "none" into the loop that has the ring at this address, and says which descriptor it had. */
function disownRing(heaps: Buffer[], ring: bigint, entries: Set<bigint>, open: Set<number>): number | undefined {
  const address = Buffer.alloc(8)
  address.writeBigUInt64LE(ring)
  // The part of it that is rare: looking for what begins with a zero takes ten times as long.
  const needle = address.subarray(rarePart.from, rarePart.to)
  for (const heap of heaps) {
    for (let found = heap.indexOf(needle); found >= 0; found = heap.indexOf(needle, found + 1)) {
      const at = found - rarePart.from
      if (at % 8 !== 0 || at < 0 || at + layout.bytes > heap.length) continue
      if (!heap.subarray(at, at + address.length).equals(address)) continue
      const descriptor = heap.readInt32LE(at + layout.descriptor)
      const isOurs =
        heap.readBigUInt64LE(at + layout.completions) - ring < 4096n &&
        entries.has(heap.readBigUInt64LE(at + layout.entries)) &&
        heap.readUInt32LE(at + layout.inFlight) === 0 &&
        open.has(descriptor)
      if (!isOurs) continue
      heap.writeInt32LE(-1, at + layout.descriptor)
      return descriptor
    }
  }
  return undefined
}

const isRing = (name: string) => name.includes('[io_uring]')

/** The main thread's heap, and those of other threads. */
function isHeap({ name, permissions, from, to }: Region): boolean {
  if (permissions !== 'rw-p') return false
  return name === '[heap]' || (name === '' && from % arenaBytes === 0n && to - from < arenaBytes)
}

function ringDescriptors(): number[] {
  return readdirSync('/proc/self/fd')
    .filter((descriptor) => isRing(linkOf(descriptor)))
    .map(Number)
}

/** The descriptor that reads the list is in the list, and gone by now. */
function linkOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    return ''
  }
}

function readRegions(): Region[] {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [, from, to, permissions = '', offset, name = ''] =
        /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+\s*(.*)$/.exec(line) ?? []
      if (from === undefined || to === undefined) return []
      return [{ from: BigInt(`0x${from}`), to: BigInt(`0x${to}`), permissions, offset: BigInt(`0x${offset}`), name }]
    })
}
