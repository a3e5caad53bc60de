import { createHmac, timingSafeEqual } from 'node:crypto'
import { permissionIds, TenonError, type UiContribution } from '@tenon/contract'
import * as z from 'zod'
import type { Artifacts } from '../artifacts/index.js'
import type { TenantScope } from '../migrations/index.js'
import type { Blocks } from '../operator/blocks.js'
import type { Usage } from '../records/index.js'
import type { Installation, InstallationStore } from './installation-store.js'
import { findRunning } from './find-running.js'

/** From the answer that names the address to the request for it, on a slow network. */
const lifeMs = 60_000

/** What a frame shows: the bytes that were verified, and what the organization consented to. */
export interface FrameContent {
  title: string
  ui: UiContribution
  script: string
  style: string
}

/**
 * UIs of plugins. A frame without an origin has no session, and a page of another origin may embed it, so its address
 * is the permission: it cannot be guessed, is good for one installation in exactly this code, and ends soon.
 */
export interface Frames {
  /**
   * For somebody who was let in.
   * @throws TenonError INSTALLATION_NOT_FOUND, UI_NOT_FOUND, PLUGIN_BLOCKED, PLUGIN_DISABLED, INSTALLATION_BUSY
   */
  open(tenantId: string, id: number): Promise<{ token: string; expiresAt: Date }>
  /** For whoever has the token. @throws TenonError FRAME_GONE */
  read(token: string): Promise<FrameContent>
}

interface FramesOptions {
  key: Buffer
  store: InstallationStore
  artifacts: Pick<Artifacts, 'load'>
  blocks: Pick<Blocks, 'find'>
  usage: Pick<Usage, 'countUse'>
  tenantOf: (tenantId: string) => Promise<TenantScope>
}

const claimsSchema = z.tuple([z.string(), z.int(), z.string(), z.number()])
type Claims = z.infer<typeof claimsSchema>

export function createFrames({ key, store, artifacts, blocks, usage, tenantOf }: FramesOptions): Frames {
  async function find(tenantId: string, id: number) {
    const tenant = await tenantOf(tenantId)
    const row = await store.find(tenant, id)
    if (!row) throw new TenonError('INSTALLATION_NOT_FOUND')
    const installation = await findRunning(store, tenant, row.pluginKey)
    assertNotBlocked(installation, blocks)
    return { tenant, installationId: installation.id, ...shownBy(installation) }
  }

  return {
    async open(tenantId, id) {
      const { digest } = await find(tenantId, id)
      const expiresAt = Date.now() + lifeMs
      return { token: sign([tenantId, id, digest, expiresAt], key), expiresAt: new Date(expiresAt) }
    },

    async read(token) {
      const [tenantId, id, digest, expiresAt] = claimsOf(token, key)
      if (Date.now() > expiresAt) throw new TenonError('FRAME_GONE')
      const found = await find(tenantId, id).catch((cause: unknown) => {
        throw new TenonError('FRAME_GONE', {}, { cause })
      })
      if (found.digest !== digest) throw new TenonError('FRAME_GONE')
      const { files, pluginKey } = await artifacts.load(digest)
      const { tenant, installationId } = found
      usage.countUse({ organizationId: tenant.organizationId, pluginKey, installationId }, permissionIds.ui)
      return { title: found.title, ui: found.ui, script: files.ui ?? '', style: files.uiStyle ?? '' }
    },
  }
}

/** @throws TenonError UI_NOT_FOUND */
function shownBy({ manifest, digest, pluginKey }: Installation) {
  const ui = manifest?.contributes?.ui
  const title = manifest?.displayName ?? pluginKey
  if (!ui || !digest) throw new TenonError('UI_NOT_FOUND', { plugin: title })
  return { ui, digest, title }
}

/** @throws TenonError PLUGIN_BLOCKED */
function assertNotBlocked({ pluginKey, digest, manifest }: Installation, blocks: Pick<Blocks, 'find'>): void {
  const block = blocks.find({ pluginKey, digest: digest ?? undefined })
  if (block)
    throw new TenonError('PLUGIN_BLOCKED', { plugin: manifest?.displayName ?? pluginKey, reason: block.reason })
}

function sign(claims: Claims, key: Buffer): string {
  const text = Buffer.from(JSON.stringify(claims)).toString('base64url')
  return `${text}.${macOf(text, key).toString('base64url')}`
}

/** @throws TenonError FRAME_GONE for everything that this host has not signed */
function claimsOf(token: string, key: Buffer): Claims {
  const [text = '', mac = ''] = token.split('.')
  const [given, right] = [Buffer.from(mac, 'base64url'), macOf(text, key)]
  if (given.length !== right.length || !timingSafeEqual(given, right)) throw new TenonError('FRAME_GONE')
  return claimsSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
}

const macOf = (text: string, key: Buffer): Buffer => createHmac('sha256', key).update(`frame ${text}`).digest()
