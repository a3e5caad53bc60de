import { canonicalJson, isJsonObject, isTenonError, pointerKey, valueAt, type MaskedSecret } from '@tenon/contract'
import { configurationLimits, invalidWhole, oversizeOf } from './configuration-limits.js'
import { isMask, mergeByName } from './merge-secrets.js'
import { secretsByName } from './redactor.js'
import type { JsonSchema } from './schema-secrets.js'
import type { SchemaThreads } from './schema-threads.js'
import { partsAt, replacePlaces } from './secret-places.js'
import { isSecretName } from './secret-names.js'
import type { Sealer } from './sealer.js'

export type Configuration = Record<string, unknown>

/** In clear, for one call of the plugin. */
export interface OpenConfiguration {
  values: Configuration
  /** The parts of it that are secret. */
  secrets: readonly unknown[]
}

export const nothingConfigured: OpenConfiguration = { values: {}, secrets: [] }

/** Whose configuration it is. */
export interface ConfigurationOwner {
  tenantId: string
  pluginKey: string
  /** Absent for a plugin that declares none: then the whole configuration is sealed. */
  schema: JsonSchema | undefined
}

interface SealedSecret {
  $sealed: string
  setAt: string
  setBy: number
  /** Where all of a configuration is sealed: what is masked of it besides what has a secret's name, as JSON pointers. */
  masked?: string[]
}

export interface ConfigurationVault {
  /**
   * The form that is stored: every secret sealed; without a schema, or with one that does not tell in time, all of it.
   * What is sealed in `previous` stays sealed as long as it has the same value: the schema of an update may no longer call
   * it a secret, but whoever typed it was told that it is one.
   */
  seal(
    configuration: Configuration,
    owner: ConfigurationOwner,
    setBy: number,
    previous?: unknown,
  ): Promise<Configuration>
  /** The clear form, for one call of the plugin. */
  open(stored: unknown, owner: ConfigurationOwner): OpenConfiguration
  /**
   * The form that answers show: a secret becomes `{ $secret: true, setAt, setBy }`. Never throws: what cannot be opened
   * any more is shown as `{ $unreadable: true }`, so that one configuration cannot hide the others of a list.
   */
  mask(stored: unknown, owner: ConfigurationOwner): Configuration | null
  /**
   * What a person sent, completed with what is stored: a masked or absent secret keeps its value, null removes it,
   * text replaces it. In a list a masked secret belongs to the stored item whose other values are the same.
   *
   * @throws TenonError CONFIGURATION_INVALID when it is too large or too much of it is secret, looks like a sealed value, has a masked secret that
   *   belongs to no stored item, or a schema that takes too long over it
   */
  merge(sent: Configuration, stored: unknown, owner: ConfigurationOwner): Promise<OpenConfiguration>
  /**
   * The stored form with everything sealed under the current key; undefined when it is already.
   *
   * @throws TenonError SEALED_VALUE_UNREADABLE
   */
  reseal(stored: unknown, owner: Omit<ConfigurationOwner, 'schema'>): Configuration | undefined
}

/** Keeps configurations so that secrets are readable only in the moment that a plugin is called. */
export function createConfigurationVault({
  sealer,
  schemas,
}: {
  sealer: Sealer
  schemas: Pick<SchemaThreads, 'findSecrets' | 'merge'>
}): ConfigurationVault {
  const vault: ConfigurationVault = {
    async seal(configuration, owner, setBy, previous) {
      const now = new Date().toISOString()
      const before = isSealedSecret(previous) ? {} : previous
      const sealPart = (value: unknown, field: string): SealedSecret => {
        const kept = valueAt(before, field)
        const isKept = isSealedSecret(kept) && openPart(kept, field, owner) === value
        // A rotation of keys may have gone past this row since it was read: nobody would seal it anew any more.
        if (isKept && !sealer.isOutdated(kept.$sealed)) return kept
        const $sealed = sealer.seal(JSON.stringify(value), { ...owner, field })
        return isKept ? { ...kept, $sealed } : { $sealed, setAt: now, setBy }
      }
      const json = JSON.stringify(configuration)
      const sealed = replacePlaces(JSON.parse(json), await secretPlacesIn(json, owner), (value, path) =>
        value === null || value === '' ? undefined : { ...sealPart(value, path) },
      )
      const hidden = hiddenIn(previous, owner)
      if (isSealedSecret(sealed)) {
        const masked = toldSecretIn(previous, hidden).filter((path) =>
          isSame(valueAt(configuration, path), hidden, path),
        )
        return { ...sealed, ...(masked.length > 0 ? { masked } : {}) }
      }
      return replaceSame(sealed, hidden, '', (value, path) => ({ ...sealPart(value, path) })) as Configuration
    },

    open(stored, owner) {
      if (!isJsonObject(stored)) return nothingConfigured
      if (isSealedSecret(stored)) {
        const values = openPart(stored, '', owner) as Configuration
        const masked = (stored.masked ?? []).map((path) => valueAt(values, path))
        return { values, secrets: owner.schema ? [values] : [...secretsByName(values), ...masked] }
      }
      const secrets: unknown[] = []
      const values = openAll(stored, '', (secret, path) => {
        const part = openPart(secret, path, owner)
        secrets.push(part)
        return part
      }) as Configuration
      return { values, secrets }
    },

    mask(stored, owner) {
      if (!isJsonObject(stored)) return null
      if (isSealedSecret(stored)) return owner.schema ? { ...toMask(stored) } : maskWhole(stored, owner)
      return openAll(stored, '', toMask) as Configuration
    },

    async merge(sent, stored, owner) {
      assertAcceptable(sent)
      const clear = vault.open(stored, owner).values
      const hidden = hiddenIn(stored, owner)
      const completed = replaceMasks(sent, hidden, '') as Configuration
      if (!owner.schema) {
        const values = mergeByName(completed, clear)
        const masked = toldSecretIn(stored, hidden).filter((path) => isSame(valueAt(values, path), hidden, path))
        return { values, secrets: [...secretsByName(values), ...masked.map((path) => hidden.get(path))] }
      }
      const { merged, secrets } = await schemas.merge(completed, clear, owner.schema, useOf(owner))
      const problem = tooSecretOf(merged, secrets)
      if (problem !== undefined) throw invalidWhole(problem)
      const stillHidden: unknown[] = []
      replaceSame(merged, hidden, '', (value) => void stillHidden.push(value))
      return { values: merged as Configuration, secrets: [...new Set([...partsAt(merged, secrets), ...stillHidden])] }
    },

    reseal(stored, { tenantId, pluginKey }) {
      let outdated = 0
      const resealed = openAll(stored, '', ({ $sealed, ...rest }, field) => {
        if (!sealer.isOutdated($sealed)) return { $sealed, ...rest }
        outdated += 1
        const context = { tenantId, pluginKey, field }
        return { $sealed: sealer.seal(sealer.open($sealed, context), context), ...rest }
      })
      return outdated === 0 ? undefined : (resealed as Configuration)
    },
  }
  return vault

  /** The whole is one of them where nobody can tell: the schema of an update may be worse than the one before it. */
  async function secretPlacesIn(json: string, owner: ConfigurationOwner): Promise<readonly number[]> {
    if (!owner.schema) return [0]
    try {
      const places = await schemas.findSecrets(json, owner.schema, useOf(owner))
      return tooSecretOf(JSON.parse(json), places) === undefined ? places : [0]
    } catch (error) {
      if (isTenonError(error, 'CONFIGURATION_INVALID') || isTenonError(error, 'PLUGIN_RESULT_INVALID')) return [0]
      throw error
    }
  }

  /** What is sealed in a stored configuration, by JSON pointer; where all of it is, what is masked of it. */
  function hiddenIn(stored: unknown, owner: ConfigurationOwner): ReadonlyMap<string, unknown> {
    const hidden = new Map<string, unknown>()
    if (isSealedSecret(stored)) {
      const { values } = vault.open(stored, owner)
      openByName(values, '', (part, path) => void hidden.set(path, part))
      for (const path of stored.masked ?? []) hidden.set(path, valueAt(values, path))
    } else openAll(stored, '', (secret, path) => void hidden.set(path, openPart(secret, path, owner)))
    return hidden
  }

  function maskWhole(stored: SealedSecret & Configuration, owner: ConfigurationOwner): Configuration {
    try {
      return maskByName(vault.open(stored, owner).values, stored, '') as Configuration
    } catch {
      return { $unreadable: true }
    }
  }

  function openPart(secret: SealedSecret, field: string, { tenantId, pluginKey }: ConfigurationOwner): unknown {
    return JSON.parse(sealer.open(secret.$sealed, { tenantId, pluginKey, field }))
  }
}

const useOf = ({ pluginKey, tenantId }: ConfigurationOwner) => ({ plugin: pluginKey, tenantId })

function openAll(value: unknown, path: string, replace: (secret: SealedSecret, path: string) => unknown): unknown {
  if (isSealedSecret(value)) return replace(value, path)
  if (Array.isArray(value)) return value.map((item, index) => openAll(item, `${path}/${index}`, replace))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, openAll(part, `${path}/${pointerKey(key)}`, replace)]),
  )
}

/** Tells of the values whose names call them secrets. */
function openByName(value: unknown, path: string, tell: (part: unknown, path: string) => void): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, part] of Object.entries(value)) {
    const place = `${path}/${pointerKey(key)}`
    if (!Array.isArray(value) && isSecretName(key)) tell(part, place)
    else openByName(part, place, tell)
  }
}

const isSame = (value: unknown, hidden: ReadonlyMap<string, unknown>, path: string): boolean =>
  value !== undefined && hidden.has(path) && canonicalJson(hidden.get(path)) === canonicalJson(value)

/** Of what is hidden, that which a schema called a secret. */
function toldSecretIn(stored: unknown, hidden: ReadonlyMap<string, unknown>): readonly string[] {
  return isSealedSecret(stored) ? (stored.masked ?? []) : [...hidden.keys()]
}

/** A copy in which what still has the value of its place in `hidden` went through `replace`; what is sealed stays. */
function replaceSame(
  value: unknown,
  hidden: ReadonlyMap<string, unknown>,
  path: string,
  replace: (value: unknown, path: string) => unknown,
): unknown {
  if (hidden.size === 0 || isSealedSecret(value) || value === null || value === '') return value
  if (isSame(value, hidden, path)) return replace(value, path)
  if (Array.isArray(value)) return value.map((item, index) => replaceSame(item, hidden, `${path}/${index}`, replace))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, replaceSame(part, hidden, `${path}/${pointerKey(key)}`, replace)]),
  )
}

/** A copy with what is hidden in place of its masks; not in lists, whose items move. */
function replaceMasks(sent: unknown, hidden: ReadonlyMap<string, unknown>, path: string): unknown {
  if (hidden.size === 0 || !isJsonObject(sent)) return sent
  if (isMask(sent)) return hidden.has(path) ? hidden.get(path) : sent
  return Object.fromEntries(
    Object.entries(sent).map(([key, part]) => [key, replaceMasks(part, hidden, `${path}/${pointerKey(key)}`)]),
  )
}

function toMask({ setAt, setBy }: SealedSecret): MaskedSecret {
  return { $secret: true, setAt, setBy }
}

function maskByName(value: unknown, seal: SealedSecret, path: string): unknown {
  if (seal.masked?.includes(path)) return toMask(seal)
  if (Array.isArray(value)) return value.map((item, index) => maskByName(item, seal, `${path}/${index}`))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      key,
      isSecretName(key) && part !== null && part !== ''
        ? toMask(seal)
        : maskByName(part, seal, `${path}/${pointerKey(key)}`),
    ]),
  )
}

/** @throws TenonError CONFIGURATION_INVALID for what is too large, or would be taken for a sealed value once stored. */
function assertAcceptable(sent: Configuration): void {
  const problem =
    oversizeOf(sent) ?? (namesSeal(sent) ? 'has a value named $sealed, which is the name of a seal' : undefined)
  if (problem !== undefined) throw invalidWhole(problem)
}

/** What makes secrets more than can be sealed one by one, as the end of a sentence; undefined when nothing does. */
function tooSecretOf(json: unknown, places: readonly number[]): string | undefined {
  const { secrets, secretPath } = configurationLimits
  if (places.length > secrets) return `has more than ${secrets} secret values`
  let longest = 0
  replacePlaces(json, places, (_value, path) => void (longest = Math.max(longest, path.length)))
  return longest > secretPath ? `has a secret value at a path of more than ${secretPath} characters` : undefined
}

function namesSeal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, '$sealed') || Object.values(value).some(namesSeal)
}

function isSealedSecret(value: unknown): value is SealedSecret {
  return isJsonObject(value) && typeof value['$sealed'] === 'string'
}
