import { fileURLToPath } from 'node:url'

/** Absolute path of the one CommonJS file that a plugin process runs. Made by `bundle.mjs`. */
export const runnerPath: string = fileURLToPath(new URL('../dist/runner.cjs', import.meta.url))
