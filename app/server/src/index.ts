export { parseSettings, type Settings, SettingsError, settingsTable } from './env.js'
export { type RunningServer, startServer } from './server.js'
export { createLog } from './start/log.js'
export { StartError } from './start/start-error.js'
