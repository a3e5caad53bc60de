import { PluginInstallationStatus as Status, TenonError, type TestConnectionResult } from '@tenon/contract'
import type { PluginReport } from '@tenon/contract/wire'
import type { TenantScope } from '../migrations/index.js'
import type { Configuration, ConfigurationVault, OpenConfiguration } from '../secrets/configuration-vault.js'
import type { SchemaThreads } from '../secrets/schema-threads.js'
import { storableText, unstorableTextIn } from '../migrations/sql-text.js'
import { configurationRevisionOf } from './configuration-revision.js'
import type { History } from './history.js'
import type { Installation, InstallationStore } from './installation-store.js'
import { underLease } from './lease.js'
import type { CallSubject, PluginCaller } from './plugin-caller.js'
import { acceptResult, acceptValidation, connectionTestOf } from './results.js'
import { configurationOwnerOf, subjectOf } from './subject.js'

interface ConfigureOptions {
  store: InstallationStore
  caller: PluginCaller
  vault: ConfigurationVault
  schemas: Pick<SchemaThreads, 'assertValid'>
  history: History
}

export interface ConfigureRequest {
  tenant: TenantScope
  id: number
  userId: number
  /** As a person sent it: a masked or absent secret keeps its value, null removes it. */
  configuration: Configuration
  /** Skips a failed connection test where the manifest asks for one on saving; never `validateConfig`. */
  force?: boolean
  /** Of the configuration that the person saw. Default: whatever is stored is replaced. */
  revision?: string | undefined
}

export interface Configure {
  configure(request: ConfigureRequest): Promise<Installation>
  /** Tests values that need not be saved. Always answers; a failed test is an answer too. */
  testConnection(request: {
    tenant: TenantScope
    installation: Installation
    userId: number
    configuration: Configuration
  }): Promise<TestConnectionResult>
}

/**
 * Saves a configuration: completed with stored secrets, checked by its schema and by the plugin, tried by `configure()`,
 * and only then stored. Until the last step the earlier configuration stays in force (D-18).
 */
export function createConfigure({ store, caller, vault, schemas, history }: ConfigureOptions): Configure {
  /** Everything that can refuse the configuration; what it answers is ready to be stored. */
  async function prepare(request: ConfigureRequest, row: Installation, signal: AbortSignal) {
    const { tenant, userId } = request
    const subject = callable(tenant, row)
    const owner = configurationOwnerOf(tenant, row)
    const plugin = subject.manifest.displayName
    if (request.revision !== undefined && request.revision !== configurationRevisionOf(row)) {
      throw new TenonError('CONFIGURATION_OUTDATED', { plugin })
    }
    const configuration = await vault.merge(request.configuration, row.configuration, owner)
    const { values } = configuration
    if (owner.schema) await schemas.assertValid(values, owner.schema, { plugin, tenantId: owner.tenantId })
    const call = { subject, userId, configuration, signal }
    if (exportsOf(row).has('validateConfig')) {
      acceptValidation(await caller.call({ ...call, invocation: { kind: 'validateConfig', configuration: values } }))
    }
    if (subject.manifest.contributes?.testOnSave && !request.force) await assertConnects(call)
    const { message } = exportsOf(row).has('configure')
      ? await caller.callInTransaction(
          { ...call, invocation: { kind: 'configure', configuration: values } },
          { accept: (answer) => acceptResult(answer, plugin, 'configuring') },
        )
      : {}
    const sealed = await vault.seal(values, owner, userId, row.configuration)
    return { sealed, message, before: vault.mask(row.configuration, owner), after: vault.mask(sealed, owner) }
  }

  async function assertConnects(call: {
    subject: CallSubject
    userId: number
    configuration: OpenConfiguration
    signal: AbortSignal
  }) {
    const invocation = { kind: 'testConnection' as const, configuration: call.configuration.values }
    const { success, message, steps } = connectionTestOf(await caller.call({ ...call, invocation }))
    if (!success) throw new TenonError('CONNECTION_TEST_FAILED', { message, ...(steps ? { steps } : {}) })
  }

  return {
    async configure(request) {
      const { tenant, id, userId } = request
      assertStorable(request.configuration)
      const { claim, installation: row } = await store.claim(tenant, id, [Status.INSTALLED])
      const line = { pluginKey: row.pluginKey, installationId: id, userId, action: 'configure' }
      return underLease(store, claim, async (signal) => {
        const prepared = await prepare(request, row, signal).catch(async (error: unknown) => {
          await store.settle(claim, { status: row.status })
          const message = error instanceof Error ? error.message : String(error)
          await history.record(tenant, { ...line, outcome: 'failed', message })
          throw error
        })
        const { sealed, message, before, after } = prepared
        const settled = await store.settle(claim, { status: row.status, configuration: sealed })
        await history.record(tenant, {
          ...line,
          outcome: 'done',
          before: before ?? {},
          after: after ?? {},
          ...(message === undefined ? {} : { message }),
        })
        return settled
      })
    },

    async testConnection({ tenant, installation, userId, configuration: sent }) {
      const subject = callable(tenant, installation)
      if (!exportsOf(installation).has('testConnection')) {
        return { success: false, message: 'Plugin does not support connection testing' }
      }
      const owner = configurationOwnerOf(tenant, installation)
      const configuration = await vault.merge(sent, installation.configuration, owner)
      try {
        const invocation = { kind: 'testConnection' as const, configuration: configuration.values }
        return connectionTestOf(await caller.call({ subject, userId, configuration, invocation }))
      } catch (error) {
        return {
          success: false,
          message: error instanceof Error ? error.message : String(error),
          testedAt: new Date().toISOString(),
        }
      }
    },
  }
}

/**
 * Before the plugin is asked: what `configure()` committed could not be taken back.
 *
 * @throws TenonError CONFIGURATION_INVALID
 */
function assertStorable(configuration: Configuration): void {
  const field = unstorableTextIn(configuration)
  if (field === undefined) return
  const message = 'contains a character that cannot be stored'
  throw new TenonError('CONFIGURATION_INVALID', {
    reasons: `${storableText(field).slice(1) || 'the whole'} ${message}`,
    problems: [{ field: storableText(field), message }],
  })
}

/** @throws TenonError PLUGIN_NOT_INSTALLED */
function callable(tenant: TenantScope, installation: Installation): CallSubject {
  const subject = subjectOf(tenant, installation)
  if (!subject)
    throw new TenonError('PLUGIN_NOT_INSTALLED', {
      plugin: installation.manifest?.displayName ?? installation.pluginKey,
    })
  return subject
}

/** What the plugin exported when it was installed. */
export function reportOf(installation: Installation): PluginReport | undefined {
  return installation.metadata?.['report'] as PluginReport | undefined
}

function exportsOf(installation: Installation): ReadonlySet<string> {
  return new Set(reportOf(installation)?.exports ?? [])
}
