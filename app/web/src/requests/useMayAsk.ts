import { useMay } from '../session/session.js'

/** Whether the person asks for plugins, because they work with them and do not install them. */
export function useMayAsk(): boolean {
  const isAdmin = useMay('Admin')
  return useMay('Editor') && !isAdmin
}
