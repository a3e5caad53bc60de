/** A number with its noun, as people read it: "1 row", "12,000 rows". `several` is for nouns that take no "s". */
export function countOf(count: number, one: string, several = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : several}`
}
