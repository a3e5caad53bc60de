/** Asks for so many pages while the caller is at work with an earlier one. */
export async function* readAhead<Page>(pages: AsyncGenerator<Page>, count: number): AsyncGenerator<Page> {
  const asked: Promise<IteratorResult<Page>>[] = []
  const ask = (): void => {
    const next = pages.next()
    // Told to whoever waits for it; until then nobody does.
    next.catch(() => undefined)
    asked.push(next)
  }
  try {
    for (let ahead = 0; ahead < count; ahead += 1) ask()
    for (let page = await asked.shift(); page && !page.done; page = await asked.shift()) {
      ask()
      yield page.value
    }
  } finally {
    // A page that is on its way is waited for, so that nothing is asked after the call has ended.
    await Promise.allSettled(asked)
  }
}
