/** Where a command writes to. */
export interface Output {
  out: (text: string) => void
  error: (text: string) => void
}
