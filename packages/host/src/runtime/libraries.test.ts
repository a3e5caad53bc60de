import { build } from 'esbuild'
import { afterAll, expect, it } from 'vitest'
import { functionCall, silentLog, targetOf } from './fixtures/plugin-under-test.js'
import { createRuntime } from './index.js'

const runtime = createRuntime({ log: silentLog, limits: { warmRunners: 1 } })
afterAll(() => runtime.stop())

/** A plugin with its libraries, in one file. */
async function bundled(contents: string) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    write: false,
    external: ['sequelize'],
    logLevel: 'silent',
  })
  return targetOf((outputFiles[0] as { text: string }).text)
}

it('runs exceljs: writes a workbook and reads it again', async () => {
  const plugin = await bundled(`
    import ExcelJS from 'exceljs'
    import { QueryTypes } from 'sequelize'
    export const install = () => ({ success: true })
    export async function getExcelTemplate(organizationId: string) {
      const workbook = new ExcelJS.Workbook()
      workbook.addWorksheet('Risks').addRow(['risk_name', QueryTypes.SELECT])
      return { buffer: await workbook.xlsx.writeBuffer(), filename: organizationId + '.xlsx' }
    }
    export async function read(buffer: Buffer) {
      const workbook = new ExcelJS.Workbook()
      await workbook.xlsx.load(buffer)
      return workbook.getWorksheet('Risks').getRow(1).values
    }`)
  const template = (await runtime.call(plugin, functionCall('getExcelTemplate', ['3']))) as { buffer: Buffer }
  expect(template).toMatchObject({ buffer: expect.any(Buffer), filename: '3.xlsx' })
  const values = await runtime.call(plugin, functionCall('read', [template.buffer]))
  expect(values).toEqual(expect.arrayContaining(['risk_name', 'SELECT']))
})

it('runs other libraries that look around while they load', async () => {
  const plugin = await bundled(`
    import { z } from 'zod'
    import semver from 'semver'
    import { parse } from 'csv-parse/sync'
    import pino from 'pino'
    export const install = () => ({ success: true })
    export const use = () => {
      pino({ enabled: false }).info('x')
      return [z.number().parse(1), semver.valid('1.0.0'), parse('a,b')[0]]
    }`)
  expect(await runtime.call(plugin, functionCall('use'))).toEqual([1, '1.0.0', ['a', 'b']])
})
