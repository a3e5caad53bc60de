import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sealer } from '@tenon/host'
import * as z from 'zod'
import { StartError } from '../start/start-error.js'

const relationSchema = z.object({ schema: z.string(), name: z.string() })

const dataFileSchema = relationSchema.extend({
  columns: z.array(z.string()),
  /** Relative to the backup; `COPY` text format, compressed. */
  file: z.string().regex(/^data\/\d+\.copy\.gz$/),
})
export type DataFile = z.infer<typeof dataFileSchema>

const sequenceSchema = relationSchema.extend({ lastValue: z.string().regex(/^-?\d+$/), isCalled: z.boolean() })
export type SequenceState = z.infer<typeof sequenceSchema>

const pluginRoleSchema = z.object({
  role: z.string(),
  organizationId: z.int(),
  schema: z.string(),
  login: z.boolean(),
  connectionLimit: z.int(),
  settings: z.array(z.string()),
  memberOf: z.array(z.string()),
  /** Privileges on what the host owns, as GRANT statements. */
  grants: z.array(z.string()),
  /** Makes what the role owns, before its data, after its data, and after everybody's data. */
  definitions: z.object({ before: z.array(z.string()), after: z.array(z.string()), references: z.array(z.string()) }),
  data: z.array(dataFileSchema),
  sequences: z.array(sequenceSchema),
  createdRelations: z.array(z.object({ name: z.string(), pluginKey: z.string(), createdAt: z.string() })),
})
export type PluginRoleBackup = z.infer<typeof pluginRoleSchema>

/** What a backup consists of. */
export const backupManifestSchema = z.object({
  format: z.literal(1),
  version: z.string(),
  createdAt: z.string(),
  /** Opens under the key that the secrets in the backup were sealed with. */
  keyCheck: z.string(),
  migrations: z.object({ platform: z.array(z.string()), tenant: z.array(z.string()) }),
  tenants: z.array(z.object({ organizationId: z.int(), schema: z.string().regex(/^[A-Za-z0-9]{1,63}$/) })),
  data: z.array(dataFileSchema),
  sequences: z.array(sequenceSchema),
  roles: z.array(pluginRoleSchema),
  /** What plugins made that a backup does not know how to make again. */
  leftOut: z.array(z.string()),
})
export type BackupManifest = z.infer<typeof backupManifestSchema>

const manifestName = 'manifest.json'
const keyContext = { tenantId: '', pluginKey: '', field: 'backup' }
const keyProof = 'the key of this backup'

export function manifestPath(directory: string): string {
  return join(directory, manifestName)
}

export function makeKeyCheck(sealer: Sealer): string {
  return sealer.seal(keyProof, keyContext)
}

/** @throws StartError when the secrets in the backup could never be opened. */
export function assertSameKey(manifest: BackupManifest, sealer: Sealer): void {
  try {
    sealer.open(manifest.keyCheck, keyContext)
  } catch (cause) {
    throw new StartError(
      'This backup was made with another TENON_SECRET_KEY, so its secrets could not be opened. Set TENON_SECRET_KEY to that key, or put the secrets.json of that installation into the data directory.',
      { cause },
    )
  }
}

/** @throws StartError when there is no backup, or one that this release does not understand. */
export async function readManifest(directory: string): Promise<BackupManifest> {
  const text = await readFile(manifestPath(directory), 'utf8').catch((cause: unknown) => {
    throw new StartError(`${directory} is not a backup: it has no ${manifestName}.`, { cause })
  })
  try {
    return backupManifestSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new StartError(`${manifestPath(directory)} is damaged, or of a release that this one does not know.`, {
      cause,
    })
  }
}
