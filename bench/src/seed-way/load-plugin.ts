import { execSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

/** What the seed's loader reads of a manifest's entry. */
export interface SeedPlugin {
  key: string
  pluginPath: string
  entryPoint: string
}

/** A loaded plugin, as the seed sees it: whatever it exports. */
export type PluginModule = Record<string, unknown>

type ResolveLookupPaths = (this: unknown, request: string, parent: unknown) => string[] | null

const cacheDurationMs = 5 * 24 * 60 * 60 * 1000
const npmCommand = 'npm install --prefer-offline --no-audit --no-fund --production'
const npmTimeoutMs = 60_000

const require = createRequire(import.meta.url)

export interface SeedLoaderOptions {
  marketplaceUrl: string
  /** The seed's `temp/plugins`. */
  directory: string
}

/**
 * `downloadAndLoadPlugin`, as the seed prints it: on every call, it patches Node's module resolution once more, forgets
 * the plugin and requires it again. Nothing here is made better; it is what Tenon is measured against.
 */
export function createSeedLoader({ marketplaceUrl, directory }: SeedLoaderOptions) {
  const baseUrl = marketplaceUrl.replace('/plugins.json', '')

  async function downloadPackageJson(plugin: SeedPlugin, tempPath: string): Promise<{ dependencies?: object }> {
    const text = await download(`${baseUrl}/${plugin.pluginPath}/package.json`)
    fs.writeFileSync(path.join(tempPath, 'package.json'), text)
    return JSON.parse(text) as { dependencies?: object }
  }

  return async function downloadAndLoadPlugin(plugin: SeedPlugin): Promise<PluginModule> {
    const tempPath = path.join(directory, plugin.key)
    const entryPointPath = path.join(tempPath, plugin.entryPoint)

    let shouldDownload = true
    if (fs.existsSync(entryPointPath)) {
      const stats = fs.statSync(entryPointPath)
      if (Date.now() - stats.mtimeMs < cacheDurationMs) shouldDownload = false
    }

    if (shouldDownload) {
      fs.mkdirSync(tempPath, { recursive: true })
      const packageJson = await downloadPackageJson(plugin, tempPath)
      const code = await download(`${baseUrl}/${plugin.pluginPath}/${plugin.entryPoint}`)
      fs.writeFileSync(entryPointPath, code)
      installDependencies(tempPath, packageJson)
    }

    if (plugin.entryPoint.endsWith('.ts')) require('ts-node/register')

    const pluginNodeModulesPath = path.join(tempPath, 'node_modules')
    if (fs.existsSync(pluginNodeModulesPath)) addLookupPath(pluginNodeModulesPath)

    delete require.cache[require.resolve(entryPointPath)]
    return require(entryPointPath) as PluginModule
  }
}

function installDependencies(tempPath: string, { dependencies }: { dependencies?: object }): void {
  if (!dependencies || Object.keys(dependencies).length === 0) return
  if (fs.existsSync(path.join(tempPath, 'node_modules'))) return
  execSync(npmCommand, { cwd: tempPath, stdio: 'pipe', timeout: npmTimeoutMs })
}

function addLookupPath(pluginNodeModulesPath: string): void {
  const Module = require('node:module') as { _resolveLookupPaths: ResolveLookupPaths }
  const originalResolveLookupPaths = Module._resolveLookupPaths
  Module._resolveLookupPaths = function (request, parent) {
    const paths = originalResolveLookupPaths.call(this, request, parent)
    if (paths && !paths.includes(pluginNodeModulesPath)) paths.push(pluginNodeModulesPath)
    return paths
  }
}

async function download(url: string): Promise<string> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answers ${response.status}`)
  return response.text()
}
