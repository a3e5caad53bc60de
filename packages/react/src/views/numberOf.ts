/** Beyond it, digits are left out: of small numbers only those after the first four that say something. */
const fractionDigits = 4
/** A smaller number would be zeros only. */
const leastOfFraction = 0.001
/** Below it nobody counts zeros. */
const leastInFull = 1e-6

/** "0.9131", "12,345", "0.00002", "1.5e-8": a number for people, of any size. */
export function numberOf(number: number): string {
  const size = Math.abs(number)
  if (size === 0 || size >= leastOfFraction) {
    return number.toLocaleString('en', { maximumFractionDigits: fractionDigits })
  }
  if (size >= leastInFull) return number.toLocaleString('en', { maximumSignificantDigits: fractionDigits })
  return Number(number.toPrecision(fractionDigits)).toExponential()
}
