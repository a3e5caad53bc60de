/**
 * What the functions of a plugin answer. A result counts as success unless it says `success: false`; the host then
 * records a failure with `message` and undoes what the call did to the database.
 */

/** @since 0.1.0 */
export interface InstallResult {
  success: boolean
  message?: string
  /** ISO 8601. */
  installedAt?: string
}

/** @since 0.1.0 */
export interface UninstallResult {
  success: boolean
  message?: string
  /** ISO 8601. */
  uninstalledAt?: string
}

/** @since 0.1.0 */
export interface ConfigureResult {
  success: boolean
  message?: string
  /** ISO 8601. */
  configuredAt?: string
}

/** @since 0.1.0 */
export interface ValidationResult {
  valid: boolean
  /** One sentence for each thing that is wrong, for the person who filled in the form. */
  errors: string[]
}

/** One thing that a connection test tried, in order. @since 0.1.0 */
export interface ConnectionTestStep {
  name: string
  ok: boolean
  message?: string
}

/** @since 0.1.0 */
export interface TestConnectionResult {
  success: boolean
  message: string
  /** ISO 8601. */
  testedAt?: string
  steps?: ConnectionTestStep[]
}

/** Must say the same as the entry in `plugins.json`. @since 0.1.0 */
export interface PluginMetadata {
  name: string
  version: string
  author: string
  description: string
}
