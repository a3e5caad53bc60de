/** A plugin of one organization that asked for an event. */
export interface Subscriber {
  pluginKey: string
  /** Name of the exported function that is called. */
  handler: string
  routingType?: string
}
