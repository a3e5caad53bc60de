import { asksForConfiguration, type Plugin } from '@tenon/react'

/** Where somebody goes who has just installed a plugin: to what it waits for, else to what it is used with. */
export function whereToBegin(plugin: Plugin): string {
  const page = `/plugins/${plugin.key}/manage`
  const { connections = [], views = [], importers = [], actions = [], ui } = plugin.contributes ?? {}
  // The page itself leads to these.
  if (asksForConfiguration(plugin) || connections.length > 0) return page
  if (ui) return `${page}?section=ui`
  return views.length + importers.length + actions.length > 0 ? `${page}?section=data` : page
}
