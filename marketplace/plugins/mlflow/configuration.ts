import type { ValidationResult } from '@tenon/sdk'

export const AUTH_METHODS = ['none', 'basic', 'token'] as const
export type AuthMethod = (typeof AUTH_METHODS)[number]

/** What counts as a model: versions in the registry, training runs, or both. */
export const MODELS_FROM = ['registry', 'runs', 'both'] as const
export type ModelsFrom = (typeof MODELS_FROM)[number]

const DEFAULT_TIMEOUT_SECONDS = 30
const MAX_TIMEOUT_SECONDS = 300

/** How to reach a tracking server, as it is used. */
export interface MlflowConfiguration {
  /** Without a slash at the end; may have a path when the server lives below one. */
  baseUrl: string
  authorization: string | undefined
  verifyTls: boolean
  timeoutMs: number
  modelsFrom: ModelsFrom
}

/** The rules that a form should say in words. Runs before anything is stored. */
export function validateConfig(config: Record<string, unknown> | null | undefined): ValidationResult {
  if (!config || Object.keys(config).length === 0) return { valid: false, errors: ['Configuration is required'] }
  const errors = [
    ...checkUrl(config.tracking_server_url),
    ...checkAuthentication(config),
    ...checkTimeout(config.timeout),
    ...checkModelsFrom(config.models_from),
  ]
  return { valid: errors.length === 0, errors }
}

/** True once somebody has entered a server. */
export function isConfigured(config: Record<string, unknown> | null | undefined): config is Record<string, unknown> {
  return textOf(config?.tracking_server_url) !== ''
}

/** Reads a configuration that {@link validateConfig} accepted; forms may send `"true"` and `"30"` as text. */
export function readConfiguration(config: Record<string, unknown>): MlflowConfiguration {
  return {
    baseUrl: textOf(config.tracking_server_url).replace(/\/+$/, ''),
    authorization: authorizationOf(config),
    verifyTls: config.verify_ssl !== false && config.verify_ssl !== 'false',
    modelsFrom: MODELS_FROM.find((known) => known === config.models_from) ?? 'registry',
    timeoutMs: (isBlank(config.timeout) ? DEFAULT_TIMEOUT_SECONDS : Number(config.timeout)) * 1000,
  }
}

function authorizationOf(config: Record<string, unknown>): string | undefined {
  if (config.auth_method === 'token') return `Bearer ${textOf(config.api_token)}`
  if (config.auth_method !== 'basic') return undefined
  const credentials = `${textOf(config.username)}:${typeof config.password === 'string' ? config.password : ''}`
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}

function checkUrl(value: unknown): string[] {
  const text = textOf(value)
  if (text === '') return ['Tracking server URL is required']
  const url = parseUrl(text)
  if (!url || !/^https?:$/.test(url.protocol)) {
    return ['Tracking server URL must be an http or https address, such as https://mlflow.example.com']
  }
  if (url.username !== '' || url.password !== '') {
    return ['Tracking server URL must not contain a user name or password; use the fields for them']
  }
  if (url.search !== '' || url.hash !== '') return ['Tracking server URL must end with the path, without ? or #']
  return []
}

function checkAuthentication(config: Record<string, unknown>): string[] {
  const method = config.auth_method
  if (isBlank(method)) return ['Authentication method is required']
  if (!AUTH_METHODS.some((known) => known === method)) {
    return [`Authentication method must be one of: ${AUTH_METHODS.join(', ')}`]
  }
  if (method === 'basic' && (isBlank(config.username) || isBlank(config.password))) {
    return ['Username and password required for basic auth']
  }
  if (method === 'token' && isBlank(config.api_token)) return ['API token required for token auth']
  if (method === 'token' && /[^\x21-\x7e]/.test(textOf(config.api_token))) {
    return ['API token contains a space or a character that cannot be sent; copy it again']
  }
  return []
}

function checkTimeout(value: unknown): string[] {
  if (isBlank(value)) return []
  const seconds = Number(value)
  if (seconds >= 1 && seconds <= MAX_TIMEOUT_SECONDS) return []
  return [`Timeout must be between 1 and ${MAX_TIMEOUT_SECONDS} seconds`]
}

function checkModelsFrom(value: unknown): string[] {
  if (isBlank(value) || MODELS_FROM.some((known) => known === value)) return []
  return [`Models must come from one of: ${MODELS_FROM.join(', ')}`]
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

function isBlank(value: unknown): boolean {
  return textOf(value) === ''
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
}
