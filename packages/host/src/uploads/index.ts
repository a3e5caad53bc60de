export { uploadsMigration } from './migration.js'
export { createUploadSweeper } from './sweeper.js'
export { resolveUploadLimits, type UploadLimits } from './upload-limits.js'
export { createUploadStore, type IncomingUpload, type UploadOwner, type UploadStore } from './upload-store.js'
