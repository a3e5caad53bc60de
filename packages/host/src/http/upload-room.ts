import { TenonError } from '@tenon/contract'

export interface UploadRoomLimits {
  /** Bytes of the uploads of all organizations together. */
  total: number
  /** Bytes of the uploads of one organization. */
  perOrganization: number
}

/** Uploads stay in memory until the plugin has answered; this is how much of it they may take. */
export const uploadRoomLimits: UploadRoomLimits = { total: 240_000_000, perOrganization: 80_000_000 }

export interface UploadRoom {
  /**
   * Takes room for an upload, before anything of it is read. The returned function gives it back.
   *
   * @throws TenonError PLUGIN_OVERLOADED when there is none
   */
  take(organizationId: number, bytes: number, plugin: string): () => void
}

export function createUploadRoom({ total, perOrganization }: UploadRoomLimits = uploadRoomLimits): UploadRoom {
  const taken = new Map<number, number>()
  let takenByAll = 0

  function change(organizationId: number, bytes: number): void {
    const rest = (taken.get(organizationId) ?? 0) + bytes
    takenByAll += bytes
    if (rest > 0) taken.set(organizationId, rest)
    else taken.delete(organizationId)
  }

  return {
    take(organizationId, bytes, plugin) {
      const own = taken.get(organizationId) ?? 0
      if (own + bytes > perOrganization || takenByAll + bytes > total)
        throw new TenonError('PLUGIN_OVERLOADED', { plugin })
      change(organizationId, bytes)
      let returned = false
      return () => {
        if (returned) return
        returned = true
        change(organizationId, -bytes)
      }
    },
  }
}
