import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface OwnMarketplace {
  /** For PLUGIN_MARKETPLACE_URL. */
  location: string
  remove(): Promise<void>
}

export interface OwnPlugin {
  entry: { pluginPath: string }
  source: string
}

/** A marketplace of its own for tests: by default with plugins that work, and begin, slowly or not at all. */
export async function writeMarketplace(
  plugins: readonly OwnPlugin[] = [working, slowStart, cannotBegin],
): Promise<OwnMarketplace> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-working-'))
  const location = join(directory, 'plugins.json')
  await writeFile(location, JSON.stringify({ version: '1.0.0', plugins: plugins.map(({ entry }) => entry) }))
  for (const { entry, source } of plugins) {
    await mkdir(join(directory, entry.pluginPath), { recursive: true })
    await writeFile(join(directory, entry.pluginPath, 'index.ts'), source)
  }
  return { location, remove: () => rm(directory, { recursive: true, force: true }) }
}

/** The entry of a plugin in a marketplace. */
export const entryOf = (key: string, displayName: string, rest: object) => ({
  key,
  name: displayName,
  displayName,
  description: `What ${displayName} does`,
  version: '1.0.0',
  category: 'analytics',
  isOfficial: false,
  isPublished: true,
  requiresConfiguration: false,
  installationType: 'standard',
  pluginPath: `plugins/${key}`,
  entryPoint: 'index.ts',
  ...rest,
})

const working = {
  entry: entryOf('working', 'Working', {
    permissions: { database: { tenantSchema: true }, schedule: true },
    contributes: {
      actions: [
        { id: 'sync', title: 'Sync things', route: 'POST /sync', progress: true, schedule: '30 3 * * *' },
        { id: 'flaky', title: 'Try something', route: 'POST /flaky' },
        { id: 'fail', title: 'Fail', route: 'POST /always-fails' },
      ],
      importers: [{ id: 'rows', slot: 'risks.actions', title: 'Import rows', import: 'POST /rows', accept: ['.csv'] }],
    },
  }),
  source: `
    const sleep = (ms: number) => new Promise((go) => setTimeout(go, ms))
    let tries = 0
    export async function install() { return { success: true } }
    export async function uninstall() { return { success: true } }
    export const metadata = { name: 'Working', version: '1.0.0', author: 'A', description: 'Works' }
    const work = async ({ progress, signal }: any, what: string, ms: number) => {
      for (let done = 1; done <= 40; done += 1) {
        if (signal.aborted) throw new Error('stopped')
        progress(done, 40, what)
        await sleep(ms / 40)
      }
    }
    const firstTime = async (sequelize: any, what: string) => {
      await sequelize.query('CREATE TABLE IF NOT EXISTS seen (what text)')
      const before = await sequelize.query('SELECT FROM seen WHERE what = :what', { replacements: { what }, type: 'SELECT' })
      await sequelize.query('INSERT INTO seen VALUES (:what)', { replacements: { what } })
      return before.length === 0
    }
    export const router = {
      'POST /sync': async (context: any) => {
        await work(context, 'Reading things', 15_000)
        return { data: { success: true, thingCount: 40, message: 'Synced 40 things' } }
      },
      'POST /flaky': async () => {
        tries += 1
        console.log('try number ' + tries)
        if (tries === 1) return { status: 422, data: { message: 'The address is wrong' } }
        return { data: { message: 'It worked this time' } }
      },
      'POST /crash': () => { process.exit(3) },
      'POST /always-fails': async () => ({ status: 422, data: { message: 'It is always wrong' } }),
      'POST /rows': async (context: any) => {
        const text = String(context.file?.buffer ?? '')
        const isLong = text.includes('long') && (await firstTime(context.sequelize, text))
        await work(context, 'Reading rows', isLong ? 60_000 : 4_000)
        return { data: { success: true, imported: 40, failed: 0, message: '40 rows were imported' } }
      },
    }`,
}

const slowStart = {
  entry: entryOf('slow-start', 'Slow Start', { permissions: { database: { tenantSchema: true } } }),
  source: `
    export async function install() { await new Promise((go) => setTimeout(go, 6_000)); return { success: true } }
    export async function uninstall() { return { success: true } }
    export const metadata = { name: 'Slow Start', version: '1.0.0', author: 'A', description: 'Takes its time' }`,
}

const cannotBegin = {
  entry: entryOf('cannot-begin', 'Cannot Begin', { permissions: { database: { tenantSchema: true } } }),
  source: `
    export async function install() { return { success: false, message: 'It needs what is not there' } }
    export async function uninstall() { return { success: true } }
    export const metadata = { name: 'Cannot Begin', version: '1.0.0', author: 'A', description: 'Does not' }`,
}
