import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Response } from 'express'
import { expect, test } from 'vitest'
import { sendEvents, type ServerEvent } from './event-stream.js'

async function* endless(signal: AbortSignal): AsyncGenerator<ServerEvent[], void, undefined> {
  for (let id = 1; !signal.aborted; id++) {
    yield id === 1 ? [{ id, event: 'line', data: { text: 'a\nb' } }] : []
    await new Promise((go) => setTimeout(go, 20))
  }
}

async function serve() {
  let ended = () => {}
  const end = new Promise<void>((resolve) => (ended = resolve))
  const server = createServer((_request, response) => {
    const controller = new AbortController()
    response.on('close', () => controller.abort())
    const reader = { end: () => controller.abort(), mayRead: () => Promise.resolve(true), recheckMs: 20 }
    void sendEvents(response as Response, endless(controller.signal), reader).then(ended)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  let text = ''
  while (!text.includes('still here')) text += Buffer.from((await reader.read()).value ?? []).toString()
  return { server, reader, text, end }
}

test('a stream sends events on one line each, and comments while there are none', async () => {
  const { server, reader, text, end } = await serve()
  expect(text).toContain('id: 1\nevent: line\ndata: {"text":"a\\nb"}\n\n: still here\n\n')
  await reader.cancel()
  await end
  server.close()
})

test('a stream ends with a server that takes no more requests, so that the server can stop', async () => {
  const { server, reader, end } = await serve()
  const closed = new Promise((resolve) => server.close(resolve))
  while (!(await reader.read()).done);
  await end
  await closed
})
