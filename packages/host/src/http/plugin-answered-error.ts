import { isJsonObject, TenonError } from '@tenon/contract'

/**
 * A plugin answered with a status from 400 on: its sentence is what people read, and what else it said are the details.
 * Any status from 400 to 599 is the plugin's to choose.
 */
export class PluginAnsweredError extends TenonError {
  override readonly status: number

  constructor(status: number, data: unknown) {
    const { message, ...details } = isJsonObject(data) ? data : { message: data }
    const sentence =
      typeof message === 'string' && message !== '' ? message.slice(0, 2_000) : 'The plugin gives no reason.'
    super('PLUGIN_ANSWERED', { ...details, message: sentence })
    this.status = status
  }
}
