/** Entries of a marketplace, as many as are asked for. */
export function manyPlugins(count: number, firstName = 'Plugin 0') {
  const categories = ['security', 'monitoring', 'analytics']
  return Array.from({ length: count }, (_, index) => ({
    key: `plugin-${index}`,
    name: `Plugin ${index}`,
    displayName: index === 0 ? firstName : `Plugin ${index}`,
    description: `What plugin ${index} does`,
    version: '1.0.0',
    category: categories[index % categories.length],
    isOfficial: false,
    isPublished: true,
    requiresConfiguration: false,
    installationType: 'standard',
    pluginPath: `plugins/plugin-${index}`,
    entryPoint: 'index.ts',
  }))
}
