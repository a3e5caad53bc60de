import { password } from './visitor.js'

/** Does over the API what a test needs to be done already, and does not look at. */
export interface Api {
  call<Data>(method: string, path: string, body?: unknown): Promise<Data>
}

export async function registerOverApi(url: string, organizationName: string, email: string): Promise<Api> {
  const body = { organizationName, name: 'Ada', surname: 'Lovelace', email, password }
  const { token } = await send<{ token: string }>(`${url}/api/auth/register`, 'POST', body)
  return { call: (method, path, content) => send(url + path, method, content, token) }
}

export async function signInOverApi(url: string, email: string): Promise<Api> {
  const { token } = await send<{ token: string }>(`${url}/api/auth/login`, 'POST', { email, password })
  return { call: (method, path, content) => send(url + path, method, content, token) }
}

async function send<Data>(address: string, method: string, body?: unknown, token?: string): Promise<Data> {
  const response = await fetch(address, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as { data: Data }
  if (!response.ok) throw new Error(`${method} ${address}: ${JSON.stringify(answer)}`)
  return answer.data
}
