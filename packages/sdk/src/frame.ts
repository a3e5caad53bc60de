import type {
  FrameCall,
  FrameCallFailure,
  FrameHello,
  FrameTheme,
  FrameWelcome,
  FromFrame,
  ToFrame,
} from '@tenon/contract/frame'

export type { FrameTheme } from '@tenon/contract/frame'

/** A call that was refused or failed. `message` is a sentence for a person. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
  /** Of HTTP; 0 when the request was never made. */
  readonly status: number
  /** Stable name of the error. */
  readonly code: string

  constructor({ status, code, message }: FrameCallFailure) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The page around a plugin's own UI, as far as the UI can reach it. */
export interface TenonFrame {
  /** The page that the person is on, one of those in the manifest. */
  readonly page: string
  readonly theme: FrameTheme
  /**
   * Calls a route of this plugin that the manifest lists under `contributes.ui.routes`, in the name of the signed-in
   * user. Parameters of the route are taken from `params`. Answers are JSON of at most 2 MB; a minute is the longest.
   *
   * @throws FrameError
   * @example await frame.call<{ total: number }>('GET /risks/:level', { params: { level: 'High' } })
   */
  call<Answer = unknown>(route: string, input?: Pick<FrameCall, 'params' | 'query' | 'body'>): Promise<Answer>
  /** Asks for another height, in pixels from 50 to 4,000. Needed only with `connectFrame({ autoHeight: false })`. */
  resize(height: number): void
  /** Goes to another of the plugin's own pages; {@link onPage} tells when. */
  navigate(page: string): void
  /** Hears of the next page. Returns what ends it. */
  onPage(listener: (page: string) => void): () => void
  /** Hears of another theme. Returns what ends it. */
  onTheme(listener: (theme: FrameTheme) => void): () => void
}

/**
 * Joins a plugin's own UI with the page around it. The theme becomes CSS variables of the document: `--tenon-text`,
 * `--tenon-surface`, `--tenon-ground`, `--tenon-quiet`, `--tenon-line`, `--tenon-accent`, `--tenon-accent-ground`,
 * `--tenon-good`, `--tenon-good-ground`, `--tenon-busy`, `--tenon-busy-ground`, `--tenon-bad`, `--tenon-bad-ground`,
 * `--tenon-font`; and the frame gets as high as its content.
 *
 * @example const frame = await connectFrame()
 * @since 0.1.0
 */
export async function connectFrame({ autoHeight = true }: { autoHeight?: boolean } = {}): Promise<TenonFrame> {
  const { port, welcome } = await sayHello()
  const waiting = new Map<number, { resolve: (data: unknown) => void; reject: (error: Error) => void }>()
  const pageListeners = new Set<(page: string) => void>()
  const themeListeners = new Set<(theme: FrameTheme) => void>()
  let { page, theme } = welcome
  let calls = 0
  const send = (message: FromFrame): void => port.postMessage(JSON.stringify(message))

  port.onmessage = ({ data }: MessageEvent<string>) => {
    const message = JSON.parse(data) as ToFrame
    switch (message.type) {
      case 'page':
        page = message.page
        return pageListeners.forEach((listener) => listener(page))
      case 'theme':
        theme = message.theme
        applyTheme(theme)
        return themeListeners.forEach((listener) => listener(theme))
      case 'result':
        waiting.get(message.id)?.resolve(message.data)
        return void waiting.delete(message.id)
      case 'failure':
        waiting.get(message.id)?.reject(new FrameError(message.error))
        return void waiting.delete(message.id)
    }
  }
  applyTheme(theme)
  const frame: TenonFrame = {
    get page() {
      return page
    },
    get theme() {
      return theme
    },
    call<Answer>(route: string, input: Pick<FrameCall, 'params' | 'query' | 'body'> = {}) {
      const id = (calls += 1)
      return new Promise<Answer>((resolve, reject) => {
        waiting.set(id, { resolve: (data) => resolve(data as Answer), reject })
        send({ type: 'call', id, route, ...input })
      })
    },
    resize: (height) => send({ type: 'resize', height }),
    navigate: (next) => send({ type: 'navigate', page: next }),
    onPage: (listener) => listen(pageListeners, listener),
    onTheme: (listener) => listen(themeListeners, listener),
  }
  if (autoHeight) followHeight(frame)
  return frame
}

function sayHello(): Promise<{ port: MessagePort; welcome: FrameWelcome }> {
  return new Promise((resolve) => {
    const onMessage = ({ source, data, ports: [port] }: MessageEvent<FrameWelcome>): void => {
      if (source !== window.parent || data.tenon !== 'welcome' || port === undefined) return
      window.removeEventListener('message', onMessage)
      resolve({ port, welcome: data })
    }
    window.addEventListener('message', onMessage)
    const hello: FrameHello = { tenon: 'hello', protocol: 1 }
    // A frame without an origin cannot know where it is; who may be around it is said by the host's headers.
    window.parent.postMessage(hello, '*')
  })
}

function applyTheme({ colorScheme, values }: FrameTheme): void {
  const { style } = document.documentElement
  style.setProperty('color-scheme', colorScheme)
  for (const [name, value] of Object.entries(values)) style.setProperty(`--tenon-${name}`, value)
  style.setProperty('color', 'var(--tenon-text)')
  style.setProperty('background', 'var(--tenon-surface)')
}

function followHeight(frame: TenonFrame): void {
  const root = document.documentElement
  let last = 0
  const observer = new ResizeObserver(() => {
    const height = Math.ceil(root.getBoundingClientRect().height)
    if (height !== last) frame.resize((last = height))
  })
  observer.observe(root)
}

function listen<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
