import { isJsonObject, TenonError } from '@tenon/contract'

/**
 * A plugin answered with a status from 400 on: its sentence is what people read, and what else it said are the details.
 * Any status from 400 to 599 is the plugin's to choose.
 */
export class PluginAnsweredError extends TenonError {
  override readonly status: number
  /** Word by word. */
  readonly answer: { status: number; data: unknown }

  constructor(status: number, data: unknown) {
    const said = isJsonObject(data) ? data : { message: data }
    const { message: _inSentence, ...details } = said
    // `status` is where the seed's templates say why a sync failed.
    const sentence = [said['message'], said['error'], said['status']].find(
      (text) => typeof text === 'string' && text !== '',
    )
    super('PLUGIN_ANSWERED', { ...details, message: String(sentence ?? 'The plugin gives no reason.').slice(0, 2_000) })
    this.status = status
    this.answer = { status, data }
  }
}
