export { PluginConnections, type PluginConnectionsProps } from '../connections/PluginConnections.js'
export { PluginConfigForm, type PluginConfigFormProps } from './PluginConfigForm.js'
export { SchemaForm, type SchemaFormProps } from './SchemaForm.js'
