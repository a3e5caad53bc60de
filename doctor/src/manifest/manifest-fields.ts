import { catalogEntrySchema } from '@tenon/contract'

/** Fields of a manifest that no attack is made on, by the reason why they ask for nothing. */
export const fieldsThatAskForNothing: Readonly<Record<string, readonly string[]>> = {
  'words that are shown to people, as text': [
    'name',
    'displayName',
    'description',
    'longDescription',
    'author',
    'license',
    'publisher',
    'region',
    'frameworkType',
    'tags',
    'features[].name',
    'features[].description',
    'features[].displayOrder',
    'releases[].version',
    'releases[].date',
    'releases[].notes',
    'permissions.network.reason',
    'contributes.actions[].title',
    'contributes.actions[].description',
    'contributes.views[].title',
    'contributes.views[].columns[].title',
    'contributes.views[].figures[].title',
    'contributes.views[].detail.charts[].title',
    'contributes.views[].detail.charts[].series[].title',
    'contributes.importers[].title',
    'contributes.importers[].description',
    'contributes.connections[].title',
    'contributes.events[].routingType',
    'contributes.ui.pages[].title',
  ],
  'where it stands in the marketplace': [
    'category',
    'isPublished',
    'requiresConfiguration',
    'installationType',
    'version',
    'versions[].version',
    'versions[].releasedAt',
    'versions[].yanked',
  ],
  'names within the plugin': [
    'contributes.actions[].id',
    'contributes.views[].id',
    'contributes.views[].actions',
    'contributes.importers[].id',
    'contributes.connections[].id',
  ],
  'whether its own work may be called again after a server died, with what it had been asked for': [
    'contributes.actions[].repeatable',
    'contributes.importers[].repeatable',
  ],
  'where and how the client draws it, from a list of the client': [
    'contributes.actions[].slot',
    'contributes.actions[].progress',
    'contributes.views[].slot',
    'contributes.views[].kind',
    'contributes.views[].columns[].type',
    'contributes.views[].columns[].sortable',
    'contributes.views[].columns[].filterable',
    'contributes.views[].figures[].type',
    'contributes.importers[].slot',
    'contributes.importers[].accept',
    'contributes.connections[].multiple',
    'contributes.connections[].response.shown',
  ],
  'places in an answer of its own, which a browser reads': [
    'contributes.views[].rows',
    'contributes.views[].total',
    'contributes.views[].problem',
    'contributes.views[].columns[].key',
    'contributes.views[].figures[].value',
    'contributes.views[].groups.rows',
    'contributes.views[].groups.total',
    'contributes.views[].detail.charts[].points',
    'contributes.views[].detail.charts[].x',
    'contributes.views[].detail.charts[].series[].key',
    'contributes.views[].detail.charts[].valuesFrom',
  ],
}

interface JsonSchema {
  $ref?: string
  $defs?: Record<string, JsonSchema>
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
}

/** Every field that the schema of a manifest knows and that has no fields of its own: `versions[].artifact.size`. */
export function manifestFields(): string[] {
  const root = catalogEntrySchema.toJSONSchema({ io: 'input', unrepresentable: 'any' }) as JsonSchema
  const resolve = (schema: JsonSchema): JsonSchema =>
    schema.$ref === undefined ? schema : (root.$defs?.[schema.$ref.replace('#/$defs/', '')] ?? {})
  const below = (schema: JsonSchema, path: string): string[] => {
    const { properties, items } = resolve(schema)
    if (items && resolve(items).properties) return below(items, `${path}[]`)
    if (!properties) return [path]
    return Object.entries(properties).flatMap(([name, field]) => below(field, path === '' ? name : `${path}.${name}`))
  }
  return below(root, '')
}
