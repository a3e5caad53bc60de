import { expect, test } from 'vitest'
import { createUploadRoom, uploadRoomLimits } from './upload-room.js'
import { maxFormBytes } from './upload.js'

const refused = expect.objectContaining({ code: 'PLUGIN_OVERLOADED' }) as Error

test('an organization has room for its uploads up to its limit, and again when they are done', () => {
  const room = createUploadRoom({ total: 100, perOrganization: 20 })
  const giveBack = room.take(1, 15, 'x')
  expect(() => room.take(1, 6, 'x')).toThrow(refused)
  room.take(1, 5, 'x')
  room.take(2, 20, 'x')
  giveBack()
  giveBack()
  room.take(1, 15, 'x')
  expect(() => room.take(1, 1, 'x')).toThrow(refused)
})

test('all organizations together have room up to the limit of all', () => {
  const room = createUploadRoom({ total: 30, perOrganization: 20 })
  room.take(1, 20, 'x')
  const giveBack = room.take(2, 10, 'x')
  expect(() => room.take(3, 1, 'x')).toThrow(refused)
  giveBack()
  room.take(3, 10, 'x')
})

test('one organization has room for three of the largest uploads, and not for all that there is', () => {
  expect(maxFormBytes * 3).toBeLessThan(uploadRoomLimits.perOrganization)
  expect(uploadRoomLimits.perOrganization).toBeLessThan(uploadRoomLimits.total)
})
