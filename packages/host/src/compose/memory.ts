import { createDenials } from '../audit/index.js'
import { createHistory } from '../installations/history.js'
import { createKnownSecrets } from '../installations/known-secrets.js'
import { createPermissionMeter } from '../installations/permission-meter.js'
import { openAudit } from '../operator/open-audit.js'
import { createRecords, type RecordSource } from '../records/index.js'
import type { PluginOfProcess } from '../runtime/index.js'
import type { Foundation } from './foundation.js'

export type Memory = Awaited<ReturnType<typeof wireMemory>>

/** What is remembered of what happens. */
export async function wireMemory({ options, pool, sealer, tenants, logEvent }: Foundation) {
  const audit = await openAudit({ pool, sealer, log: logEvent })
  const denials = createDenials({ audit })
  const records = createRecords({ pool, log: logEvent, limits: options.limits?.records ?? {} })
  const secrets = createKnownSecrets()
  return {
    audit,
    denials,
    records,
    secrets,
    history: createHistory({ pool, audit, log: logEvent }),
    meter: createPermissionMeter({ usage: records.usage, secrets, onRefusal: denials.count }),
    /** For what is said of a plugin by the name of the tenant's schema. Nobody keeps anything of who has gone. */
    withSource({ tenantId, pluginKey, installationId }: PluginOfProcess, note: (source: RecordSource) => void): void {
      void tenants.tenantOf(tenantId).then(
        ({ organizationId }) => note({ organizationId, pluginKey, installationId }),
        () => undefined,
      )
    },
  }
}
