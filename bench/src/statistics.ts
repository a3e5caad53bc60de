/** The value in the middle; between the two in the middle of an even number. @throws RangeError of an empty list */
export const median = (values: readonly number[]): number =>
  (quantile(values, 0.5) +
    -quantile(
      values.map((value) => -value),
      0.5,
    )) /
  2

/** The value that 95 of 100 values do not exceed. @throws RangeError of an empty list */
export const p95 = (values: readonly number[]): number => quantile(values, 0.95)

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  if (value === undefined) throw new RangeError('there are no values')
  return value
}
