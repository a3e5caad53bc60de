import { generate } from 'selfsigned'

const DAY_MS = 24 * 60 * 60 * 1000

/** A key and the self-signed certificate that goes with it, both PEM. */
export interface Certificate {
  readonly key: string
  readonly certificate: string
}

/**
 * Makes a self-signed certificate for the given names (DNS names or IPv4 addresses).
 * It is its own authority, so a client trusts it by getting `certificate` as a CA.
 * Valid for 30 days: longer than any test, too short to become a habit.
 */
export async function createCertificate(names: readonly [string, ...string[]]): Promise<Certificate> {
  const made = await generate([{ name: 'commonName', value: names[0] }], {
    keyType: 'ec',
    algorithm: 'sha256',
    // An hour in the past: clocks of client and server need not agree to the second.
    notBeforeDate: new Date(Date.now() - 60 * 60 * 1000),
    notAfterDate: new Date(Date.now() + 30 * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: names.map(alternativeName) },
    ],
  })
  return { key: made.private, certificate: made.cert }
}

function alternativeName(name: string): { type: 2; value: string } | { type: 7; ip: string } {
  return /^\d+\.\d+\.\d+\.\d+$/.test(name) ? { type: 7, ip: name } : { type: 2, value: name }
}
