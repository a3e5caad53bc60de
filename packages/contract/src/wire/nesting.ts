const byte = { quote: 0x22, backslash: 0x5c, bracket: 0x5b, bracketEnd: 0x5d, brace: 0x7b, braceEnd: 0x7d }

/**
 * Whether a JSON text has lists and objects in each other on more levels than these: to be asked before it is parsed, which
 * takes seconds for megabytes of brackets. What is no JSON gets any answer.
 */
export function isNestedDeeper(text: Buffer, levels: number): boolean {
  let open = 0
  for (let at = 0; at < text.length; at++) {
    const read = text[at]
    if (read === byte.quote) at = endOfString(text, at)
    else if (read === byte.bracket || read === byte.brace) open += 1
    else if (read === byte.bracketEnd || read === byte.braceEnd) open -= 1
    if (open > levels) return true
  }
  return false
}

/** Where the text ends that begins at a quote; after everything, when it does not. */
function endOfString(text: Buffer, start: number): number {
  let end = text.indexOf(byte.quote, start + 1)
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf(byte.quote, end + 1)
  return end < 0 ? text.length : end
}

function isEscaped(text: Buffer, at: number): boolean {
  let first = at
  while (text[first - 1] === byte.backslash) first -= 1
  return (at - first) % 2 === 1
}
