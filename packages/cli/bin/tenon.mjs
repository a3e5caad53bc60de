#!/usr/bin/env node
import { existsSync } from 'node:fs'
import process from 'node:process'

// npm links what is there when it installs, so this is not a file that a build makes.
const main = new URL('../dist/main.js', import.meta.url)
if (existsSync(main)) {
  await import(main.href)
} else {
  process.stderr.write('tenon is not built yet. Run `npm run build` in the checkout of Tenon first.\n')
  process.exitCode = 1
}
