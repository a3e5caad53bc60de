import { isJsonObject, pointerKey, setValueAt, valueAt, type MaskedSecret } from '@tenon/contract'
import { replaceSecrets, secretPointers, type JsonSchema } from './schema-secrets.js'
import type { Sealer } from './sealer.js'

export type Configuration = Record<string, unknown>

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
  /** The form that is stored: every secret sealed; without a schema, all of it. */
  seal(configuration: Configuration, owner: ConfigurationOwner, setBy: number, previous?: unknown): Configuration
  /** The clear form, for one call of the plugin. */
  open(stored: unknown, owner: ConfigurationOwner): Configuration
  /** The form that answers show: a secret becomes `{ $secret: true, setAt, setBy }`. */
  mask(stored: unknown, owner: ConfigurationOwner): Configuration | null
  /**
   * What a person sent, completed with what is stored: a masked or absent secret keeps its value, null removes it,
   * text replaces it.
   */
  merge(sent: Configuration, stored: unknown, owner: ConfigurationOwner): Configuration
}

/** D-26: names that count as secret where a plugin has not said which of its values are. */
const secretName = /password|passwd|secret|token|key|credential/i

/** Keeps configurations so that secrets are readable only in the moment that a plugin is called. */
export function createConfigurationVault({ sealer }: { sealer: Sealer }): ConfigurationVault {
  const vault: ConfigurationVault = {
    seal(configuration, owner, setBy, previous) {
      const now = new Date().toISOString()
      const before = isSealedSecret(previous) ? {} : previous
      const sealPart = (value: unknown, field: string): SealedSecret => {
        const kept = valueAt(before, field)
        if (isSealedSecret(kept) && openPart(kept, field, owner) === value) return kept
        return { $sealed: sealer.seal(JSON.stringify(value), { ...owner, field }), setAt: now, setBy }
      }
      if (!owner.schema) return { ...sealPart(configuration, '') }
      return replaceSecrets(configuration, owner.schema, (value, path) =>
        value === null || value === '' ? undefined : sealPart(value, path),
      ) as Configuration
    },

    open(stored, owner) {
      if (!isJsonObject(stored)) return {}
      if (isSealedSecret(stored)) return openPart(stored, '', owner) as Configuration
      return openAll(stored, '', (secret, path) => openPart(secret, path, owner)) as Configuration
    },

    mask(stored, owner) {
      if (!isJsonObject(stored)) return null
      if (isSealedSecret(stored)) return maskByName(vault.open(stored, owner), stored) as Configuration
      return openAll(stored, '', toMask) as Configuration
    },

    merge(sent, stored, owner) {
      const clear = vault.open(stored, owner)
      if (!owner.schema) return mergeByName(sent, clear)
      const merged = replaceSecrets(sent, owner.schema, (value, path) =>
        isMask(value) ? valueAt(clear, path) : value,
      ) as Configuration
      for (const pointer of secretPointers(owner.schema)) {
        if (valueAt(merged, pointer) === undefined) setValueAt(merged, pointer, valueAt(clear, pointer))
        else if (valueAt(merged, pointer) === null) setValueAt(merged, pointer, undefined)
      }
      return merged
    },
  }
  return vault

  function openPart(secret: SealedSecret, field: string, { tenantId, pluginKey }: ConfigurationOwner): unknown {
    return JSON.parse(sealer.open(secret.$sealed, { tenantId, pluginKey, field }))
  }
}

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
      secretName.test(key) && part !== null && part !== '' ? toMask(seal) : maskByName(part, seal),
    ]),
  )
}

/** Without a schema only what was masked on the way out can come back as a mask; secrets left out are kept. */
function mergeByName(sent: Configuration, clear: Configuration): Configuration {
  const kept = Object.entries(clear).filter(([key]) => secretName.test(key) && !Object.hasOwn(sent, key))
  const merged = Object.entries(sent).map(([key, value]): [string, unknown] => {
    if (isMask(value)) return [key, clear[key]]
    if (isJsonObject(value)) return [key, mergeByName(value, isJsonObject(clear[key]) ? clear[key] : {})]
    return [key, value]
  })
  return Object.fromEntries([...kept, ...merged].filter(([, value]) => value !== undefined && value !== null))
}

function isMask(value: unknown): boolean {
  return isJsonObject(value) && value['$secret'] === true
}

function isSealedSecret(value: unknown): value is SealedSecret {
  return isJsonObject(value) && typeof value['$sealed'] === 'string'
}
