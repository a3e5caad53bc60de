/**
 * What plugins export, in the seed's calling convention (S84 to S90, S129, S130).
 * `message` and the dates are optional: a result counts as success unless it says `success: false` (C19).
 */

export interface InstallResult {
  success: boolean
  message?: string
  installedAt?: string
}

export interface UninstallResult {
  success: boolean
  message?: string
  uninstalledAt?: string
}

export interface ConfigureResult {
  success: boolean
  message?: string
  configuredAt?: string
}

export interface ValidationResult {
  valid: boolean
  errors: string[]
}

export interface ConnectionTestStep {
  name: string
  ok: boolean
  message?: string
}

export interface TestConnectionResult {
  success: boolean
  message: string
  testedAt?: string
  steps?: ConnectionTestStep[]
}

export interface PluginMetadata {
  name: string
  version: string
  author: string
  description: string
}

/** S88 */
export interface SyncResult {
  success: boolean
  modelCount: number
  message?: string
}

/** S89 */
export interface TemplateResult {
  buffer: Uint8Array
  filename: string
  contentType?: string
}

/** S90 */
export interface ImportResult {
  success: boolean
  imported: number
  failed: number
  errors?: { row: number; field: string; message: string }[]
}

/** What a route handler of a plugin answers. */
export interface PluginRouteResult {
  /** 200 to 599; 200 when absent. */
  status?: number
  data?: unknown
  buffer?: Uint8Array
  filename?: string
  contentType?: string
  headers?: Record<string, string>
}

/** A file that a person sent to a plugin's route. */
export interface UploadedFile {
  originalname: string
  mimetype: string
  /** In bytes. */
  size: number
  /** All of it, where it fits. @throws Error for a file that is to be read in pieces */
  readonly buffer: Uint8Array
  /** For `context.uploads.read`. Absent on other hosts. */
  id?: string
}

/** A thing that happened, as it is delivered to a plugin that subscribed to it. */
export interface PluginEvent {
  /** Unique: a delivery that is repeated carries the same id. */
  id: string
  name: string
  /** ISO 8601. */
  occurredAt: string
  /** `host`, or the key of the plugin that published it. */
  source: string
  routingType?: string
  payload: Record<string, unknown>
  /**
   * What the handler said is settled when this event failed before: the `settled` of what it threw, or answered with
   * `success: false`. Such as who has had it already; see {@link EventFailure}.
   */
  settled?: unknown
}

/** What a handler may say of an event that failed: as fields of the error that it throws, or of its answer. */
export interface EventFailure {
  /** False when it is in vain to deliver the event again. */
  retryable?: boolean
  /**
   * In milliseconds: when the service that the event is for wants to be asked again. It is not delivered before, at most
   * a day later, and for a day it is not given up for that, however many attempts it takes.
   */
  retryAfterMs?: number
  /** At most 8,000 bytes of JSON, given back with the next delivery; a larger one is not kept. */
  settled?: unknown
}

/** An account at another service that the organization connected, as its plugin sees it. */
export interface ConnectionView {
  id: number
  account: { id: string; name: string }
  details: Record<string, unknown>
  settings: Record<string, unknown>
  isActive: boolean
  /** What the plugin last reported of it; absent while it works. */
  problem?: string
}
