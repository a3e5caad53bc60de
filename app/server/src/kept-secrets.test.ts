import { mkdtemp, readdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { resolveSecrets } from './kept-secrets.js'

const unset = { secretKeys: undefined, jwtSecret: undefined }
let dataDir: string
let warnings: string[]
const log = { warn: (_fields: object, message: string) => void warnings.push(message) }

beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'tenon-secrets-')), 'data')
  warnings = []
})

it('generates secrets once, keeps them for their owner alone, and says so', async () => {
  const first = await resolveSecrets({ dataDir, ...unset }, log)
  expect(await resolveSecrets({ dataDir, ...unset }, log)).toEqual(first)
  expect((await stat(join(dataDir, 'secrets.json'))).mode & 0o777).toBe(0o600)
  expect(warnings).toEqual(['generated secrets for local use; keep this file with your backups'])
})

it('agrees on one file when several servers start together', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => resolveSecrets({ dataDir, ...unset }, log)))
  expect(new Set(all.map((secrets) => JSON.stringify(secrets))).size).toBe(1)
  expect(await readdir(dataDir)).toEqual(['secrets.json'])
})

it('writes nothing when the settings have both secrets', async () => {
  const given = { secretKeys: ['k'.repeat(32)], jwtSecret: 'j'.repeat(32) }
  expect(await resolveSecrets({ dataDir, ...given }, log)).toEqual(given)
  await expect(stat(dataDir)).rejects.toThrow('ENOENT')
})

it('does not replace a damaged file', async () => {
  await resolveSecrets({ dataDir, ...unset }, log)
  await writeFile(join(dataDir, 'secrets.json'), '{"secretKey": "half')
  await expect(resolveSecrets({ dataDir, ...unset }, log)).rejects.toThrow(/is damaged/)
})
