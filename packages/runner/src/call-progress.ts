/** How far a call is. */
export interface ToldProgress {
  done: number
  total?: number
  message?: string
}

/** What a call says of how far it is. */
export interface CallProgress {
  tell(done: unknown, total?: unknown, message?: unknown): void
  /** Sends what was told last, and takes nothing more: the call has its answer. */
  end(): void
}

/** The host writes it down twice a second; a plugin may tell it for each of a hundred thousand rows. */
const gapMs = 50
const maxMessage = 500

/** Sends the first at once and then, after each gap, what was told last. */
export function createCallProgress(send: (progress: ToldProgress) => void): CallProgress {
  let latest: ToldProgress | undefined
  let timer: NodeJS.Timeout | undefined
  let isOver = false

  function sendLatest(): void {
    timer = undefined
    if (!latest) return
    send(latest)
    latest = undefined
    if (!isOver) timer = setTimeout(sendLatest, gapMs)
  }

  return {
    tell(done, total, message) {
      if (isOver) return
      latest = {
        done: finite(done),
        ...(total === undefined ? {} : { total: finite(total) }),
        ...(message === undefined ? {} : { message: String(message).slice(0, maxMessage) }),
      }
      if (!timer) sendLatest()
    },
    end() {
      isOver = true
      clearTimeout(timer)
      sendLatest()
    },
  }
}

function finite(value: unknown): number {
  const number = Number(value)
  return Number.isFinite(number) ? number : 0
}
