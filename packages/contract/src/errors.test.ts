import { describe, expect, test } from 'vitest'
import { envelope, STATUS_CODE } from './envelope.js'
import { errorAnswer } from './error-answer.js'
import {
  errorTable,
  isTenonError,
  NotFoundException,
  TenonError,
  ValidationException,
  type ErrorCode,
} from './errors.js'

const rows = Object.entries(errorTable) as [ErrorCode, { status: number; sentence: string }][]

describe('the table of errors', () => {
  test('is what docs/errors.md shows', async () => {
    await expect(errorsPage()).toMatchFileSnapshot('../../../docs/errors.md')
  })

  test('uses only statuses that the API documents', () => {
    const documented = [400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504]
    expect(rows.filter(([, { status }]) => !documented.includes(status))).toEqual([])
  })

  test('says in each sentence what happened, and never only a phrase of HTTP', () => {
    const phrases = rows.map(([, { status }]) => envelope(status, null).message)
    expect(rows.filter(([, { sentence }]) => sentence.length < 9 || phrases.includes(sentence))).toEqual([])
  })

  test('fills a sentence from the details and leaves unknown names visible', () => {
    expect(new TenonError('CALL_TIMEOUT', { plugin: 'Acme', seconds: 30 }).message).toBe(
      'Acme did not answer within 30 seconds.',
    )
    expect(new TenonError('CALL_TIMEOUT', { seconds: 30 }).message).toContain('{plugin}')
  })
})

describe('an error answer', () => {
  test('leaves out details that JSON cannot say', () => {
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    const { body } = errorAnswer(new TenonError('PLUGIN_ANSWERED', { message: 'no', count: 5n, circular, a: 1 }), 'r1')
    expect(JSON.parse(JSON.stringify(body))).toMatchObject({ data: 'no', details: { a: 1 } })
  })

  test('carries the sentence in data below 500 and in error from 500 on, with code and request id', () => {
    const refused = errorAnswer(new TenonError('PLUGIN_NOT_FOUND', { pluginKey: 'x' }), 'r1')
    expect(refused).toEqual({
      status: 404,
      body: {
        message: 'Not Found',
        data: 'Plugin not found',
        code: 'PLUGIN_NOT_FOUND',
        requestId: 'r1',
        details: { pluginKey: 'x' },
      },
    })
    const failed = errorAnswer(new TenonError('SERVICE_FAILED', { message: 'MLflow is away' }), 'r2')
    expect(failed.body).toMatchObject({ message: 'Bad Gateway', error: 'MLflow is away' })
  })

  test('shows nothing of an error that nobody expected', () => {
    const { status, body } = errorAnswer(new Error('password=hunter2'), 'r3')
    expect(status).toBe(500)
    expect(JSON.stringify(body)).not.toContain('hunter2')
    expect(JSON.stringify(body)).toContain('r3')
  })

  test.each([
    Object.assign(new Error('sorry, too many clients already'), { code: '53300' }),
    Object.assign(new Error('the database system is starting up'), { code: '57P03' }),
    new Error('timeout exceeded when trying to connect'),
  ])('says that the database is busy, and nothing of it: %s', (error) => {
    const { status, body } = errorAnswer(error, 'r3')
    expect([status, body.code]).toEqual([503, 'DATABASE_UNAVAILABLE'])
    expect(JSON.stringify(body)).not.toContain(error.message)
  })

  test('knows what the body parser says', () => {
    expect(errorAnswer({ type: 'entity.too.large', limit: 10_000_000 }, 'r').body).toMatchObject({
      code: 'BODY_TOO_LARGE',
    })
    expect(errorAnswer({ type: 'entity.parse.failed' }, 'r').body).toMatchObject({ code: 'BODY_NOT_JSON' })
  })
})

test('the exceptions of the seed carry what they are about', () => {
  expect(new ValidationException('Plugin key is required', 'plugin_key', '')).toMatchObject({
    status: 400,
    metadata: { field: 'plugin_key', value: '' },
  })
  const missing = new NotFoundException('Plugin installation not found', 'installation', 7)
  expect(missing).toMatchObject({ status: 404, metadata: { resource: 'installation', identifier: 7 } })
  expect(isTenonError(missing, 'NOT_FOUND')).toBe(true)
})

test('STATUS_CODE makes the envelope of the seed', () => {
  expect(STATUS_CODE[200]?.([1])).toEqual({ message: 'OK', data: [1] })
  expect(STATUS_CODE[500]?.('x')).toEqual({ message: 'Internal Server Error', error: 'x' })
})

function errorsPage(): string {
  const lines = rows.map(
    ([code, { status, sentence }]) => `| \`${code}\` | ${status} | ${sentence.replaceAll('|', '\\|')} |`,
  )
  return [
    '# Errors',
    '',
    `Every failed request is answered with one of these ${rows.length} codes, in \`{ message, data | error, code, requestId, details? }\`.`,
    'The sentence is in `data` below 500 and in `error` from 500 on; `{names}` are filled in. Codes are stable, sentences are not.',
    'This page is made from `packages/contract/src/errors.ts`: `npx vitest run packages/contract -u` writes it anew.',
    '',
    '| code | status | sentence |',
    '| --- | --- | --- |',
    ...lines,
    '',
  ].join('\n')
}
