import { expect, test } from 'vitest'
import { networkPolicyFor } from './network-policy.js'

const loopback = (address: string, port: number) => address === '127.0.0.1' && port === 5000
const permissions = { hosts: ['api.example.com', '*.example.org:8443'], fromConfiguration: ['url'] }

test('allows declared hosts on their port, and a wildcard for exactly one label', () => {
  const policy = networkPolicyFor({ permissions, configuration: {}, isExempt: () => false })
  expect(policy.allows('api.example.com', 443)).toBe(true)
  expect(policy.allows('api.example.com', 80)).toBe(false)
  expect(policy.allows('a.example.org', 8443)).toBe(true)
  expect(policy.allows('a.b.example.org', 8443)).toBe(false)
  expect(policy.allows('example.org', 8443)).toBe(false)
  expect(policy.allows('.example.org', 8443)).toBe(false)
  expect(policy.allows('evil.example', 443)).toBe(false)
})

test('allows exactly host and port of a configured address', () => {
  const policy = networkPolicyFor({
    permissions,
    configuration: { url: 'http://ml.example:5000/path' },
    isExempt: () => false,
  })
  expect(policy.allows('ml.example', 5000)).toBe(true)
  expect(policy.allows('ml.example', 80)).toBe(false)
})

test('opens a private address only when the operator opened it and an admin configured that host', () => {
  const configured = networkPolicyFor({
    permissions,
    configuration: { url: 'http://127.0.0.1:5000' },
    isExempt: loopback,
  })
  expect(configured.allowsAddress('127.0.0.1', '127.0.0.1', 5000)).toBe(true)
  expect(configured.allowsAddress('10.0.0.1', '127.0.0.1', 5000)).toBe(false)
  expect(configured.allowsAddress('127.0.0.1', 'api.example.com', 5000)).toBe(false)
})

test('gives an undeclared plugin the hosts of its configuration, and any host only with the consent of the operator', () => {
  const configuration = { server: { url: 'https://one.example' }, other: 'no address' }
  const closed = networkPolicyFor({ permissions: undefined, configuration, isExempt: () => false })
  expect(closed.allows('one.example', 443)).toBe(true)
  expect(closed.allows('two.example', 443)).toBe(false)
  const open = networkPolicyFor({
    permissions: undefined,
    configuration,
    isExempt: () => false,
    undeclaredMayReachAnyHost: true,
  })
  expect(open.allows('two.example', 443)).toBe(true)
  expect(open.allowsAddress('127.0.0.1', 'two.example', 443)).toBe(false)
})
