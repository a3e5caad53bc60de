import { describe, expect, test } from 'vitest'
import { withoutJson } from '@tenon/contract/wire'
import { createRedactor, secretsByName } from './redactor.js'

describe('a redactor', () => {
  test('hides every text of a secret, also as it appears in JSON and in addresses', () => {
    const redactor = createRedactor()
    redactor.hide({ user: 'someone', words: ['pass "word"', 1234567] })
    expect(redactor.text('someone said pass "word" and 1234567')).toBe('[hidden] said [hidden] and [hidden]')
    expect(redactor.text(JSON.stringify({ a: 'pass "word"' }))).toBe('{"a":"[hidden]"}')
    expect(redactor.text('https://x.example/?p=pass%20%22word%22')).toBe('https://x.example/?p=[hidden]')
    expect(redactor.value({ list: ['x someone'], count: 1 })).toEqual({ list: ['x [hidden]'], count: 1 })
  })

  test.each(['', 'a', 'ab', 'name:', 'someone:'])(
    'hides a secret that is base64 after "%s", and hexadecimal',
    (before) => {
      const redactor = createRedactor()
      redactor.hide('correct?horse>battery')
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        const encoded = Buffer.from(`${before}correct?horse>battery and more`).toString(encoding)
        const left = redactor.text(`Basic ${encoded}`)
        expect(left).toContain('[hidden]')
        // What the neighbours decide with it may stay: less than two characters of the secret on either side.
        const shown = Buffer.from(left.replace('Basic ', '').replace('[hidden]', ''), encoding).toString('latin1')
        expect(shown).not.toMatch(/horse|batter/)
      }
    },
  )

  test('keeps little of a plugin that opens large values without end', () => {
    const redactor = createRedactor()
    redactor.hide('the oldest one')
    const before = process.memoryUsage().heapUsed + process.memoryUsage().external
    for (let n = 0; n < 300; n++) redactor.hide(`${n} ${'x'.repeat(50_000)}`)
    redactor.hide('the newest one')
    const grown = process.memoryUsage().heapUsed + process.memoryUsage().external - before
    expect(grown).toBeLessThan(100 * 1024 * 1024)
    expect(redactor.text('the oldest one, the newest one')).toBe('the oldest one, [hidden]')
  })

  test('takes no secret for known that is larger than all that is kept', () => {
    const redactor = createRedactor()
    redactor.hide('a password')
    redactor.hide('x'.repeat(1_000_000))
    expect(redactor.text('a password')).toBe('[hidden]')
  })

  test('hides a secret in a statement, and among bytes', () => {
    const redactor = createRedactor()
    redactor.hide("it's a secret")
    expect(redactor.text("SELECT 'it''s a secret'")).toBe("SELECT '[hidden]'")
    const bytes = Buffer.concat([Buffer.from([0, 255]), Buffer.from("it's a secret"), Buffer.from([254])])
    const left = redactor.value({ bytes, typed: new Uint8Array(bytes), other: Buffer.from([1, 2, 200]) })
    const expected = Buffer.concat([Buffer.from([0, 255]), Buffer.from('[hidden]'), Buffer.from([254])])
    expect(left).toEqual({ bytes: expected, typed: expected, other: Buffer.from([1, 2, 200]) })
  })

  test('hides a secret among bytes of which nobody may make JSON, and leaves it at that', () => {
    const redactor = createRedactor()
    redactor.hide('a secret')
    const hidden = redactor.value(withoutJson(Buffer.from('<a secret>')))
    expect(hidden.toString()).toBe('<[hidden]>')
    expect(() => JSON.stringify(hidden)).toThrow('JSON')
  })

  test('hides secrets among bytes up to 256 kB of a value, however many pieces those are', () => {
    const redactor = createRedactor()
    redactor.hide('a secret')
    const pieces = (bytes: number) => ({ one: Buffer.from('a secret'), other: Buffer.alloc(bytes - 8) })
    expect(String(redactor.value(pieces(262_144)).one)).toBe('[hidden]')
    expect(String(redactor.value(pieces(262_145)).one)).toBe('a secret')
  })

  test('knows the last hundred texts of a value that has more, and finds them in names and in lists', () => {
    const redactor = createRedactor()
    redactor.hide(Array.from({ length: 5_000 }, (_, number) => `secret-${number}-`))
    expect(redactor.text('secret-4899-')).toBe('secret-4899-')
    const said = {
      'the secret-4900-': ['secret-4999-', { deep: 'a secret-4950-, and a secret-12-' }],
      day: new Date(0),
    }
    expect(redactor.value(said)).toEqual({
      'the [hidden]': ['[hidden]', { deep: 'a [hidden], and a secret-12-' }],
      day: new Date(0),
    })
  })

  test('hides a secret that contains another one as a whole', () => {
    const redactor = createRedactor()
    redactor.hide('abcdef')
    redactor.hide('abcdefgh')
    expect(redactor.text('abcdefgh abcdef')).toBe('[hidden] [hidden]')
  })

  test('leaves texts of five characters, which are part of ordinary words', () => {
    const redactor = createRedactor()
    redactor.hide(['12345', '123456'])
    expect(redactor.text('12345 123456')).toBe('12345 [hidden]')
  })
})

test('the secrets of a configuration without a schema are those that their names tell', () => {
  expect(secretsByName({ pin: 'a', nested: [{ api_key: 'b' }] })).toEqual(['b'])
})
