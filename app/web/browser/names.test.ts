import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))

it('names no plugin of the marketplace in the client, which draws them all from what they declare', async () => {
  const manifest = JSON.parse(await readFile(join(root, 'marketplace/plugins.json'), 'utf8')) as {
    plugins: { key: string; name: string; displayName: string }[]
  }
  const names = manifest.plugins
    .flatMap(({ key, name, displayName }) => [key, name, displayName])
    .map((name) => name.toLowerCase())
  const folders = await Promise.all(['packages/react/src', 'app/web/src', 'app/web/public'].map(sourcesIn))
  const sources = [...folders.flat(), join(root, 'packages/react/styles.css'), join(root, 'app/web/index.html')]
  expect(sources.length).toBeGreaterThan(50)
  const found: string[] = []
  for (const source of sources) {
    const text = (await readFile(source, 'utf8')).toLowerCase()
    found.push(...names.filter((name) => text.includes(name)).map((name) => `${source.slice(root.length)}: ${name}`))
  }
  expect(found).toEqual([])
})

async function sourcesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
