// Vitest wants a file of its own whose default export starts what a run shares: name it in `test.globalSetup`.
export { globalSetup as default } from './testing-server.js'
