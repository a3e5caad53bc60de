/** Work that is done in rounds, never two at once. */
export interface Rounds {
  /** Asks for a round that begins after this moment. */
  wake(): void
  /** Resolves when no round is under way. */
  ended(): Promise<void>
}

export function createRounds(round: () => Promise<void>, onError: (error: unknown) => void): Rounds {
  let running: Promise<void> | undefined
  let again = false

  async function run(): Promise<void> {
    do {
      again = false
      await round().catch(onError)
    } while (again)
    running = undefined
  }

  return {
    wake() {
      again = true
      running ??= run()
    },
    async ended() {
      await running
    },
  }
}
