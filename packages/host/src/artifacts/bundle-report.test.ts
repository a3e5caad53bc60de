import { expect, test } from 'vitest'
import { readReport } from './bundle-report.js'

const report = { missingFiles: [{ importer: 'a.ts', path: 'b' }], missingPackages: [], refusals: [], errors: ['x'] }

test('reads a report', () => {
  expect(readReport(JSON.stringify(report))).toEqual(report)
})

test.each([
  '',
  'a warning of something in it',
  'null',
  '{"errors":["x"]}',
  '['.repeat(500_000),
  JSON.stringify({ ...report, refusals: [{}] }),
  JSON.stringify({ ...report, missingFiles: [{ importer: 1, path: 'b' }] }),
])('takes nothing else for one, and throws at nothing', (line) => {
  expect(readReport(line)).toBeUndefined()
})
