import * as z from 'zod'
import { contributionIdSchema, routeSchema } from '../names.js'

/**
 * What a plugin's own UI, in a frame without an origin, and the page around it say to each other: text of JSON over one
 * MessageChannel, so that its length is known before anything of it is read. The frame says hello to its parent, and is
 * given its port once.
 */
export const frameProtocol = 1

/** What the page takes from a frame. */
export const frameLimits = {
  /** Characters of one message from the frame, above which nobody types or shows anything. */
  maxMessageLength: 256_000,
  /** Characters of one answer that is handed in, which a page can still draw. */
  maxAnswerLength: 2_000_000,
  /** Messages a second, and how many may come at once: an animation of the height makes sixty. */
  messagesPerSecond: 100,
  burstMessages: 200,
  /** Calls under way at once: as many as the host works on for one plugin. */
  concurrentCalls: 8,
  /** Milliseconds: a proxy waits no longer. */
  callTimeoutMs: 60_000,
  /** Milliseconds until a frame that says nothing is given up: the time to load its script on a slow line. */
  helloTimeoutMs: 15_000,
  /** Pixels: what is higher hides the page around it, what is lower cannot be read. */
  minHeight: 50,
  maxHeight: 4_000,
} as const

/** Colours and letters of the page around a frame. */
export interface FrameTheme {
  colorScheme: 'light' | 'dark'
  /** Values of CSS by name, such as `text`, `surface`, `accent`. */
  values: Readonly<Record<string, string>>
}

const parameter = z.union([z.string().max(2_000), z.number(), z.boolean()])

const callSchema = z.strictObject({
  type: z.literal('call'),
  id: z.int().min(0),
  route: routeSchema,
  params: z.record(z.string().max(100), parameter).optional(),
  query: z.record(z.string().max(100), parameter).optional(),
  body: z.unknown().optional(),
})
const resizeSchema = z.strictObject({ type: z.literal('resize'), height: z.number().min(0).max(1e9) })
const navigateSchema = z.strictObject({ type: z.literal('navigate'), page: contributionIdSchema })

const fromFrameSchema = z.discriminatedUnion('type', [callSchema, resizeSchema, navigateSchema])

export type FrameCall = z.infer<typeof callSchema>
/** From the frame to the page around it. */
export type FromFrame = z.infer<typeof fromFrameSchema>

/** Why a call failed. `status` is that of HTTP, or 0 when the request was never made. */
export interface FrameCallFailure {
  status: number
  code: string
  message: string
}

/** From the page around it to the frame. */
export type ToFrame =
  | { type: 'theme'; theme: FrameTheme }
  | { type: 'page'; page: string }
  | { type: 'result'; id: number; data: unknown }
  | { type: 'failure'; id: number; error: FrameCallFailure }

/** Windows get these; everything else goes over the port. */
export interface FrameHello {
  tenon: 'hello'
  protocol: typeof frameProtocol
}
export interface FrameWelcome {
  tenon: 'welcome'
  theme: FrameTheme
  page: string
}

/** What a frame has said; undefined when it is not what a frame may say. */
export function parseFromFrame(message: unknown): FromFrame | undefined {
  if (typeof message !== 'string' || message.length > frameLimits.maxMessageLength) return undefined
  return fromFrameSchema.safeParse(jsonOf(message)).data
}

/** First segments below a plugin's key that the host answers itself, in the name of whoever asks. */
export const hostSegments: readonly string[] = ['oauth', 'test-connection']

/** Whether a path below a plugin's key is one that the host answers, and not the plugin; the router ignores the case. */
export const isHostPath = (path: string): boolean => hostSegments.includes(path.split('/')[1]?.toLowerCase() ?? '')

/**
 * The path of a call below the plugin, if the route is one of those that its manifest lists; undefined otherwise. What
 * stands for a parameter is one segment, and never one that leads elsewhere. What the host answers itself below the key of
 * the plugin is no route of the plugin, whatever the manifest lists.
 */
export function pathOfCall({ route, params = {} }: FrameCall, allowed: readonly string[]): string | undefined {
  if (!allowed.includes(route)) return undefined
  const segments = route
    .slice(route.indexOf('/'))
    .split('/')
    .map((segment) => {
      if (!segment.startsWith(':')) return segment
      const name = segment.slice(1)
      const value = Object.hasOwn(params, name) ? String(params[name]) : ''
      return /^\.{0,2}$/.test(value) ? undefined : encodeURIComponent(value)
    })
  const path = segments.join('/')
  return segments.includes(undefined) || isHostPath(path) ? undefined : path
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
