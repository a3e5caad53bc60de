import { findExcess } from './text-shape.js'
import { wireConstants } from './wire-limits.js'

/**
 * For the `verify` of a body parser: looks at the bytes of a JSON body before they are parsed, which takes seconds for
 * megabytes of brackets or of different names, while everybody else waits.
 *
 * @throws an error of the body parser's kind, which `errorAnswer` knows
 */
export function verifyJsonBody(_request: unknown, _response: unknown, bytes: Buffer, encoding: string): void {
  // JSON is UTF-8. In another encoding these bytes mean other characters.
  if (encoding !== 'utf-8') throw bodyError('charset.unsupported')
  const excess = findExcess(bytes, { maxLevels: wireConstants.maxDepth, maxParts: wireConstants.maxBodyParts })
  if (excess) throw bodyError(excess === 'levels' ? 'entity.too.deep' : 'entity.too.many.parts')
}

const bodyError = (type: string) => Object.assign(new Error(`the body is refused: ${type}`), { type })
