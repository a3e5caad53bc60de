import { TenonError } from '@tenon/contract'
import type { WireError } from '@tenon/contract/wire'

/**
 * An error that the plugin's own code threw. The words in it are the plugin's: show them as such.
 * `code` is PLUGIN_THREW; the plugin's own code, if it gave one, is `pluginError.code`.
 */
export class PluginCallError extends TenonError {
  override readonly name = 'PluginCallError'
  readonly fromPlugin = true
  /** Name, message (at most 2,000 characters), code and cause as thrown. */
  readonly pluginError: WireError

  constructor(plugin: string, error: WireError) {
    const { name, message, code, cause } = error
    super('PLUGIN_THREW', { message, plugin, name, ...(code ? { pluginCode: code } : {}) }, { cause })
    this.pluginError = error
  }
}
