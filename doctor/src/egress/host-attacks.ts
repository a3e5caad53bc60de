import type { EgressFetch } from '@tenon/host'
import { publicAddress, type Dialled, type Received } from './recording-network.js'

/** What an address that somebody chose makes the host itself do: token addresses, icons, archives. */
export interface HostAttack {
  name: string
  run(fetch: EgressFetch): Promise<unknown>
  /** Undefined: no connection may lead to an address that is not public. */
  isHole?(evidence: { dialled: readonly Dialled[]; received: readonly Received[]; answer: string }): boolean
}

const secret = 'Bearer a secret of the host'
const to = (status: number, target: string) => `http://service.example/to/${status}/${encodeURIComponent(target)}`
const text = async (response: Promise<Response>) => (await response).text()
const leaked = ({ received }: { received: readonly Received[] }, from = 1) =>
  received.slice(from).some(({ headers }) => JSON.stringify(headers).includes('a secret of the host'))

export const hostAttacks: HostAttack[] = [
  ...[
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fd00:ec2::254]/',
    'http://private.example/',
    'http://mixed.example/',
    'http://nonsense.example/',
    'http://localhost./',
  ].map((url): HostAttack => ({ name: `makes the host fetch ${url}`, run: (fetch) => text(fetch(url)) })),
  { name: 'makes the host follow a redirect to loopback', run: (fetch) => text(fetch(to(302, 'http://127.0.0.1/'))) },
  {
    name: 'makes the host follow a redirect to metadata',
    run: (fetch) => text(fetch(to(307, 'http://169.254.169.254/'))),
  },
  {
    name: 'makes the host follow a redirect to a file',
    run: (fetch) => text(fetch(to(302, 'file:///etc/passwd'))),
    isHole: ({ answer }) => answer.includes('root:'),
  },
  {
    name: 'makes the host follow a redirect to data',
    run: (fetch) => text(fetch(to(302, 'data:text/plain,planted'))),
    isHole: ({ answer }) => answer.includes('planted'),
  },
  {
    name: 'makes the host follow a redirect to an address with a password',
    run: (fetch) => text(fetch(to(302, 'http://u:p@other.example/'))),
    isHole: ({ dialled }) => dialled.some(({ address }) => address === publicAddress.others),
  },
  {
    name: 'makes the host follow redirects for ever',
    run: (fetch) => text(fetch(to(302, to(302, to(302, to(302, to(302, to(302, to(302, '/end'))))))))),
    isHole: ({ received }) => received.length > 6,
  },
  {
    name: 'gets the credentials of the host by a redirect to another host',
    run: (fetch) => text(fetch(to(302, 'http://other.example/'), { headers: { authorization: secret } })),
    isHole: leaked,
  },
  {
    name: 'gets the cookies of the host by a redirect to another host',
    run: (fetch) => text(fetch(to(302, 'http://other.example/'), { headers: { cookie: secret } })),
    isHole: leaked,
  },
  {
    name: 'gets the credentials of the host by a redirect to another port',
    run: (fetch) => text(fetch(to(302, 'http://service.example:8080/'), { headers: { authorization: secret } })),
    isHole: leaked,
  },
  {
    name: 'gets the body of the host by a redirect 303',
    run: (fetch) => text(fetch(to(303, 'http://other.example/'), { method: 'POST', body: 'a secret of the host' })),
    isHole: ({ received }) => received.slice(1).some(({ method }) => method !== 'GET'),
  },
  {
    name: 'puts a user name into an address',
    run: (fetch) => text(fetch('http://user:secret@service.example/')),
    isHole: ({ dialled }) => dialled.length > 0,
  },
  {
    name: 'names another scheme',
    run: (fetch) => text(fetch('ftp://service.example/')),
    isHole: ({ dialled }) => dialled.length > 0,
  },
  {
    name: 'names a file',
    run: (fetch) => text(fetch('file:///etc/passwd')),
    isHole: ({ answer }) => answer.includes('root:'),
  },
  {
    name: 'smuggles a line into a header',
    run: (fetch) => text(fetch('http://service.example/', { headers: [['x-planted', 'a\r\nx-second: b']] })),
    isHole: ({ received }) => received.some(({ headers }) => headers['x-second'] !== undefined),
  },
  {
    name: 'smuggles a line into the name of a header',
    run: (fetch) => text(fetch('http://service.example/', { headers: [['x-planted: a\r\nx-second', 'b']] })),
    isHole: ({ received }) => received.some(({ headers }) => headers['x-second'] !== undefined),
  },
  {
    name: 'smuggles a request into the method',
    run: (fetch) => text(fetch('http://service.example/', { method: 'GET / HTTP/1.1\r\nx-second: b\r\n\r\nGET' })),
    isHole: ({ received }) => received.length > 0,
  },
  {
    name: 'smuggles a request into the path',
    run: (fetch) => text(fetch('http://service.example/a HTTP/1.1\r\nx-second: b\r\n\r\nGET /second')),
    isHole: ({ received }) => received.length > 1 || received.some(({ headers }) => headers['x-second'] !== undefined),
  },
  {
    name: 'smuggles a second request behind a wrong length',
    run: (fetch) =>
      text(
        fetch('http://service.example/', {
          method: 'POST',
          body: 'GET /second HTTP/1.1\r\nhost: x\r\n\r\n',
          headers: { 'content-length': '0' },
        }),
      ),
    isHole: ({ received }) => received.some(({ url }) => url === '/second'),
  },
  {
    name: 'smuggles a second request behind a wrong encoding',
    run: (fetch) =>
      text(
        fetch('http://service.example/', {
          method: 'POST',
          body: '0\r\n\r\nGET /second HTTP/1.1\r\nhost: x\r\n\r\n',
          headers: { 'transfer-encoding': 'chunked' },
        }),
      ),
    isHole: ({ received }) => received.some(({ url }) => url === '/second'),
  },
  {
    name: 'turns a connection into another protocol',
    run: (fetch) => text(fetch('http://service.example/', { headers: { connection: 'upgrade', upgrade: 'planted' } })),
    isHole: ({ received }) => received.some(({ headers }) => headers.upgrade !== undefined),
  },
  {
    name: 'makes a tunnel through the host',
    run: (fetch) => text(fetch('http://service.example/', { method: 'CONNECT' })),
    isHole: ({ received }) => received.some(({ method }) => method === 'CONNECT'),
  },
  {
    name: 'sets a proxy for the host',
    run: async (fetch) => {
      const before = process.env['HTTP_PROXY']
      process.env['HTTP_PROXY'] = 'http://127.0.0.1:9'
      try {
        return await text(fetch('http://other.example/'))
      } finally {
        if (before === undefined) delete process.env['HTTP_PROXY']
        else process.env['HTTP_PROXY'] = before
      }
    },
  },
  {
    name: 'keeps an old connection for a name that has moved',
    run: async (fetch) => {
      await text(fetch('http://rebinding-host.example/', { headers: { connection: 'close' } }))
      return text(fetch('http://rebinding-host.example/'))
    },
  },
]
