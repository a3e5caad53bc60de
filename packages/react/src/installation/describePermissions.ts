import type { Plugin } from '../plugins/types.js'

export interface PermissionGroup {
  id: 'read' | 'change' | 'send' | 'schedule' | 'events' | 'undeclared'
  title: string
  sentences: string[]
}

/** How an application calls its tables to people. */
export type TableNames = Readonly<Record<string, string>>

const defaultNames: TableNames = {
  risks: 'your risk register',
  projects: 'your projects',
  model_inventories: 'your model inventory',
  files: 'your files, without what is in them',
  file_entity_links: 'the links between your files and other entries',
  'public.users': 'the names and email addresses of people in your organization',
}

/**
 * What a plugin will be able to do, as sentences for whoever agrees to it. What is not listed it cannot do.
 *
 * @param names how the application calls its tables; others are called by their own name
 * @since 0.1.0
 */
export function describePermissions(plugin: Plugin, names: TableNames = {}): PermissionGroup[] {
  const { permissions } = plugin
  if (!permissions) return [undeclared]
  const nameOf = (table: string): string => ({ ...defaultNames, ...names })[table] ?? `the table ${table}`
  const tables = Object.entries(permissions.database.tables)
  const withPrivilege = (privilege: string): string[] =>
    tables.filter(([, privileges]) => (privileges as string[]).includes(privilege)).map(([table]) => nameOf(table))
  const groups: PermissionGroup[] = [
    { id: 'read', title: 'Read your data', sentences: withPrivilege('select').map((table) => `Reads ${table}`) },
    {
      id: 'change',
      title: 'Change your data',
      sentences: [
        ...(permissions.database.tenantSchema ? ['Keeps tables of its own, apart from everything else'] : []),
        ...withPrivilege('insert').map((table) => `Adds entries to ${table}`),
        ...withPrivilege('update').map((table) => `Changes entries of ${table}`),
        ...withPrivilege('delete').map((table) => `Deletes entries of ${table}`),
      ],
    },
    { id: 'send', title: 'Send data outside', sentences: sendingOf(plugin) },
    {
      id: 'schedule',
      title: 'Run on a schedule',
      sentences: permissions.schedule ? scheduledOf(plugin) : [],
    },
    { id: 'events', title: 'Receive events', sentences: eventsOf(permissions.events) },
  ]
  return groups.filter(({ sentences }) => sentences.length > 0)
}

const undeclared: PermissionGroup = {
  id: 'undeclared',
  title: 'Does not say what it needs',
  sentences: [
    'Reads projects, risks, files without what is in them, and your model inventory',
    'Adds risks, and adds and changes projects',
    'Keeps tables of its own, which other plugins of the same source that do not say what they need can reach as well',
    'Connects to the addresses in its configuration',
  ],
}

function sendingOf({ permissions, contributes }: Plugin): string[] {
  if (!permissions) return []
  const { hosts, fromConfiguration, reason } = permissions.network
  const places = [
    ...hosts.map((host) => host),
    ...fromConfiguration.map(
      (field) => `the address that you enter as “${titleOf(contributes?.configuration, field)}”`,
    ),
  ]
  if (places.length === 0) return []
  const why = reason ? ` — ${reason.charAt(0).toLowerCase()}${reason.slice(1)}` : ''
  return [`Connects to ${listOf(places)}${why}`]
}

function titleOf(schema: Record<string, unknown> | undefined, field: string): string {
  const properties = (schema?.['properties'] ?? {}) as Record<string, { title?: string } | undefined>
  return properties[field]?.title ?? field
}

function scheduledOf({ contributes }: Plugin): string[] {
  const scheduled = (contributes?.actions ?? []).filter(({ schedule }) => schedule !== undefined)
  if (scheduled.length === 0) return ['Runs at set times, also when nobody is signed in']
  return scheduled.map(({ title, schedule }) => `“${title}” ${describeSchedule(schedule ?? '')}`)
}

/** The common ones in words; others as they are written. */
export function describeSchedule(cron: string): string {
  const [minute = '', hour = '', day, month, weekday] = cron.split(' ')
  const everyDay = day === '*' && month === '*' && weekday === '*'
  const two = (value: string): string => value.padStart(2, '0')
  if (everyDay && /^\d+$/.test(minute) && hour === '*') return 'every hour'
  if (everyDay && /^\d+$/.test(minute) && /^\d+$/.test(hour)) return `every day at ${two(hour)}:${two(minute)} UTC`
  return `at the times ${cron}`
}

function eventsOf(events: readonly string[]): string[] {
  if (events.length === 0) return []
  const subjects = [...new Set(events.map((event) => event.replace(/\..*$/, '').replaceAll('_', ' ')))]
  return [`Is told when something happens to: ${listOf(subjects)}`]
}

function listOf(parts: readonly string[]): string {
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(parts)
}
