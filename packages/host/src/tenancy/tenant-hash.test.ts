import { expect, test } from 'vitest'
import { getTenantHash } from './tenant-hash.js'

test('gives the organizations of the upstream system the schemas that they have there', () => {
  expect(getTenantHash(1)).toBe('a4ayc80OGd')
  expect(getTenantHash(2)).toBe('1HNeOiZeFu')
})

test('gives ten letters and digits to every organization', () => {
  for (let id = 1; id <= 2000; id++) expect(getTenantHash(id)).toMatch(/^[a-zA-Z0-9]{10}$/)
})
