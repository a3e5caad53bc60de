import { isJsonObject, isTenonError, pointerKey, valueAt, type MaskedSecret } from '@tenon/contract'
import { configurationLimits, invalidWhole, oversizeOf } from './configuration-limits.js'
import { mergeByName } from './merge-secrets.js'
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
}

export interface ConfigurationVault {
  /** The form that is stored: every secret sealed; without a schema, or with one that does not tell in time, all of it. */
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
      return replacePlaces(JSON.parse(json), await secretPlacesIn(json, owner), (value, path) =>
        value === null || value === '' ? undefined : { ...sealPart(value, path) },
      ) as Configuration
    },

    open(stored, owner) {
      if (!isJsonObject(stored)) return nothingConfigured
      if (isSealedSecret(stored)) {
        const values = openPart(stored, '', owner) as Configuration
        return { values, secrets: owner.schema ? [values] : secretsByName(values) }
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
      if (!owner.schema) {
        const values = mergeByName(sent, clear)
        return { values, secrets: secretsByName(values) }
      }
      const { merged, secrets } = await schemas.merge(sent, clear, owner.schema, useOf(owner))
      const problem = tooSecretOf(merged, secrets)
      if (problem !== undefined) throw invalidWhole(problem)
      return { values: merged as Configuration, secrets: partsAt(merged, secrets) }
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

  function maskWhole(stored: SealedSecret & Configuration, owner: ConfigurationOwner): Configuration {
    try {
      return maskByName(vault.open(stored, owner).values, stored) as Configuration
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

function toMask({ setAt, setBy }: SealedSecret): MaskedSecret {
  return { $secret: true, setAt, setBy }
}

function maskByName(value: unknown, seal: SealedSecret): unknown {
  if (Array.isArray(value)) return value.map((item) => maskByName(item, seal))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      key,
      isSecretName(key) && part !== null && part !== '' ? toMask(seal) : maskByName(part, seal),
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
