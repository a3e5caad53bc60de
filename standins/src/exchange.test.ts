import { afterEach, describe, expect, it } from 'vitest'
import { serve, textReply, type Asked } from './exchange.js'
import { listen, type Listener } from './listener.js'

const MAX_BODY_BYTES = 5 * 1024 * 1024
let listener: Listener | undefined

afterEach(() => listener?.close())

async function post(answer: (asked: Asked) => ReturnType<typeof textReply>, body: string): Promise<Response> {
  listener = await listen(serve(answer))
  return fetch(listener.url, { method: 'POST', body })
}

describe('serving a function', () => {
  const length = ({ text }: Asked): ReturnType<typeof textReply> => textReply(200, 'text/plain', String(text.length))

  it('takes a body of 5 MB', async () => {
    const response = await post(length, 'x'.repeat(MAX_BODY_BYTES))
    expect([response.status, await response.text()]).toEqual([200, String(MAX_BODY_BYTES)])
  })

  it('refuses a body that is a byte larger', async () => {
    const response = await post(length, 'x'.repeat(MAX_BODY_BYTES + 1))
    expect(response.status).toBe(500)
    expect(await response.text()).toContain('larger than 5242880 bytes')
  })

  it('says when it broke, and answers the next request', async () => {
    let calls = 0
    const breaksOnce = (): ReturnType<typeof textReply> => {
      calls += 1
      if (calls === 1) throw new Error('a mistake in the stand-in')
      return textReply(200, 'text/plain', 'fine')
    }
    const response = await post(breaksOnce, '')
    expect(await response.text()).toContain('a mistake in the stand-in')
    expect((await fetch(listener?.url ?? '')).status).toBe(200)
  })
})
