/** One attempt of a plugin to reach something. `code` is the body of an async function in the plugin. */
export interface PluginAttack {
  name: string
  code: string
  /** That the code comes to an end without an error is the hole, besides a connection to where none may lead. */
  hole?: 'answer'
}

const byFetch = (url: string) => `return viaFetch(${JSON.stringify(url)})`
const byNet = (options: object) => `return viaNet(${JSON.stringify(options)})`

const writtenAddresses: [what: string, host: string][] = [
  ['loopback', '127.0.0.1'],
  ['loopback as a decimal number', '2130706433'],
  ['loopback as a hexadecimal number', '0x7f000001'],
  ['loopback as an octal number', '017700000001'],
  ['loopback in octal parts', '0177.0.0.01'],
  ['loopback in hexadecimal parts', '0x7f.0x0.0x0.0x1'],
  ['loopback in mixed parts', '0x7f.1'],
  ['loopback in two parts', '127.1'],
  ['loopback in three parts', '127.0.1'],
  ['another address of loopback', '127.255.255.254'],
  ['loopback with a dot at the end', '127.0.0.1.'],
  ['loopback in percent signs', '%31%32%37.0.0.1'],
  ['loopback in wide digits', '１２７.０.０.１'],
  ['loopback in circled digits', '①②⑦.⓪.⓪.①'],
  ['loopback with ideographic dots', '127。0。0。1'],
  ['loopback with half-width dots', '127｡0｡0｡1'],
  ['loopback with a soft hyphen', '127.0.0.\u00ad1'],
  ['this host', '0.0.0.0'],
  ['this host as one zero', '0'],
  ['this network', '0.1.2.3'],
  ['localhost', 'localhost'],
  ['localhost in capitals with a dot', 'LOCALHOST.'],
  ['the metadata address', '169.254.169.254'],
  ['the metadata address as a decimal number', '2852039166'],
  ['the metadata address as a hexadecimal number', '0xa9fea9fe'],
  ['the metadata address in octal parts', '0251.0376.0251.0376'],
  ['the metadata address with overflowing parts', '425.510.425.510'],
  ['the metadata address of another cloud', '100.100.100.200'],
  ['the service address of another cloud', '168.63.129.16'],
  ['a private address', '10.0.0.1'],
  ['a private address in 172.16', '172.16.0.1'],
  ['a private address in 192.168', '192.168.1.1'],
  ['a private address as a number', '167772161'],
  ['an address behind the NAT of a carrier', '100.64.0.1'],
  ['an address for protocols', '192.0.0.192'],
  ['an address for benchmarks', '198.18.0.1'],
  ['an address for documentation', '203.0.113.1'],
  ['a group of receivers', '224.0.0.1'],
  ['a reserved address', '240.0.0.1'],
  ['everybody', '255.255.255.255'],
  ['loopback of IPv6', '[::1]'],
  ['loopback of IPv6 in full', '[0:0:0:0:0:0:0:1]'],
  ['this host of IPv6', '[::]'],
  ['loopback mapped into IPv6', '[::ffff:127.0.0.1]'],
  ['loopback mapped into IPv6 in hexadecimal', '[::ffff:7f00:1]'],
  ['a private address mapped into IPv6', '[::ffff:a00:1]'],
  ['loopback compatible with IPv6', '[::127.0.0.1]'],
  ['loopback translated to IPv6', '[::ffff:0:127.0.0.1]'],
  ['loopback behind NAT64', '[64:ff9b::7f00:1]'],
  ['a private address behind a local NAT64', '[64:ff9b:1::a00:1]'],
  ['loopback in 6to4', '[2002:7f00:1::]'],
  ['a private address in 6to4', '[2002:a00:1::1]'],
  ['an address of Teredo', '[2001:0:7f00:1::]'],
  ['a unique local address', '[fc00::1]'],
  ['the metadata address of IPv6', '[fd00:ec2::254]'],
  ['a link-local address', '[fe80::1]'],
  ['a link-local address with a zone', '[fe80::1%25eth0]'],
  ['a site-local address', '[fec0::1]'],
  ['a group of receivers of IPv6', '[ff02::1]'],
  ['an address of IPv6 for documentation', '[2001:db8::1]'],
  ['an address outside of what is given out', '[4000::1]'],
]

/** Hosts as a program may hand them to `connect`, without a URL that would tidy them first. */
const rawHosts = [
  '0x7f.1',
  '0177.0.0.1',
  '2130706433',
  '127.1',
  '::1',
  '::ffff:127.0.0.1',
  'fe80::1%lo',
  'localhost',
  '[::1]',
]

const names: [what: string, host: string][] = [
  ['has a private address', 'private.example'],
  ['has a public and a private address', 'mixed.example'],
  ['has a public address and loopback of IPv6', 'mixed-six.example'],
  ['has a mapped address', 'mapped.example'],
  ['has the metadata address', 'metadata.example'],
  ['has loopback', 'loopback.example'],
  ['has an address with a zone', 'zone.example'],
  ['has a translated address', 'translated.example'],
  ['has no address', 'nobody.example'],
  ['has something that is no address', 'nonsense.example'],
  ['has an address written as a number', 'decimal.example'],
]

/** Of a plugin that may reach every public host: the addresses are what stands in its way. */
export const anywhereAttacks: PluginAttack[] = [
  ...writtenAddresses.map(([what, host]) => ({ name: `fetches ${what}`, code: byFetch(`http://${host}/`) })),
  ...rawHosts.map((host) => ({ name: `connects to "${host}"`, code: byNet({ host, port: 80 }) })),
  ...names.map(([what, host]) => ({ name: `fetches a name that ${what}`, code: byFetch(`http://${host}/`) })),
  { name: 'connects to a name that has a private address', code: byNet({ host: 'private.example', port: 22 }) },
  { name: 'speaks TLS to loopback', code: `return viaTls({ host: '127.0.0.1', port: 443 })` },
  { name: 'speaks HTTP/2 to loopback', code: `return viaHttp2('http://127.0.0.1:80')` },
  {
    name: 'asks again for a name that has moved to loopback',
    code: `await viaFetch('http://rebinding-1.example/', { headers: { connection: 'close' } }); return viaFetch('http://rebinding-1.example/')`,
  },
  {
    name: 'asks again, by another road, for a name that has moved to metadata',
    code: `await viaHttp({ host: 'turning-1.example', port: 80 }); return viaNet({ host: 'turning-1.example', port: 80 })`,
  },
  {
    name: 'asks ten times at once for a name that moves',
    code: `const all = await Promise.all(Array.from({ length: 10 }, () => viaNet({ host: 'rebinding-2.example', port: 80 }).catch((error) => String(error)))); return all.join()`,
  },
  ...[301, 302, 303, 307, 308].map((status) => ({
    name: `follows a redirect ${status} to loopback`,
    code: byFetch(`http://service.example/to/${status}/${encodeURIComponent('http://127.0.0.1/')}`),
  })),
  {
    name: 'follows a redirect to metadata',
    code: byFetch(`http://service.example/to/302/${encodeURIComponent('http://169.254.169.254/latest/meta-data/')}`),
  },
  {
    name: 'follows a redirect to a private address in another writing',
    code: byFetch(`http://service.example/to/302/${encodeURIComponent('http://0x0a000001/')}`),
  },
  {
    name: 'follows a redirect without a scheme',
    code: byFetch(`http://service.example/to/302/${encodeURIComponent('//127.0.0.1/')}`),
  },
  {
    name: 'brings its own answer to the question for an address',
    code: `return viaHttp({ host: 'service.example', port: 80, lookup: (host, options, done) => options && options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4) })`,
  },
  {
    name: 'brings its own answer to connect()',
    code: `return viaNet({ host: 'service.example', port: 80, lookup: (host, options, done) => done(null, '10.0.0.1', 4) })`,
  },
]

/** Of a plugin that declared `service.example`, on ports 80 and 443, and `*.wild.example`. */
/** What the plugin may do, directly and led on: where not even that works, refusals prove nothing. */
export const permitted: PluginAttack[] = [
  { name: 'fetches a declared host', code: byFetch('http://service.example/') },
  {
    name: 'follows a redirect to a declared host',
    code: byFetch(`http://service.example/to/302/${encodeURIComponent('http://service.example/there')}`),
  },
]

export const declaredAttacks: PluginAttack[] = [
  // Other hosts and ports
  { name: 'fetches a host that it did not declare', code: byFetch('http://other.example/') },
  { name: 'fetches another port of a declared host', code: byFetch('http://service.example:8080/') },
  { name: 'connects to a port of mail of a declared host', code: byNet({ host: 'service.example', port: 25 }) },
  { name: 'connects to port 0 of a declared host', code: byNet({ host: 'service.example', port: 0 }) },
  { name: 'connects to a port above all ports', code: `return viaNet({ host: 'service.example', port: 65616 })` },
  { name: 'fetches a host below a declared one', code: byFetch('http://below.service.example/') },
  { name: 'fetches a host above a declared one', code: byFetch('http://example/') },
  { name: 'fetches a host that begins like a declared one', code: byFetch('http://service.example.other.example/') },
  { name: 'fetches a host that ends like a declared one', code: byFetch('http://notservice.example/') },
  { name: 'fetches two labels below a wildcard', code: byFetch('https://a.b.wild.example/') },
  { name: 'fetches the host of a wildcard itself', code: byFetch('https://wild.example/') },
  { name: 'fetches a wildcard by its star', code: byNet({ host: '*.wild.example', port: 443 }) },
  { name: 'fetches a wildcard on another port', code: byFetch('http://a.wild.example/') },
  { name: 'hides a host behind a user name', code: byFetch('http://service.example@other.example/') },
  { name: 'hides a host behind a password', code: byFetch('http://service.example:80@other.example/') },
  { name: 'hides a host behind a backslash', code: byFetch('http://other.example\\@service.example/') },
  { name: 'hides a host behind a fragment', code: byFetch('http://other.example#service.example') },
  { name: 'hides a host behind a question', code: byFetch('http://other.example?service.example') },
  { name: 'hides a host behind a tab', code: byFetch('http://other.\texample/') },
  { name: 'hides a host behind a line', code: byNet({ host: 'other.example\nservice.example', port: 80 }) },
  {
    name: 'hides a host behind the character zero',
    code: byNet({ host: 'other.example\u0000.service.example', port: 80 }),
  },
  { name: 'hides a host behind a space', code: byNet({ host: 'other.example service.example', port: 80 }) },
  { name: 'hides a host behind a slash', code: byNet({ host: 'other.example/service.example', port: 80 }) },
  { name: 'writes a host with ideographic dots', code: byFetch('http://service.example。other.example/') },
  { name: 'writes a host with letters that look like others', code: byFetch('http://servісe.example/') },
  { name: 'hands a list over as a host', code: `return viaNet({ host: ['other.example'], port: 80 })` },
  {
    name: 'hands an object over as a host',
    code: `let n = 0; return viaNet({ host: { toString: () => n++ ? 'other.example' : 'service.example' }, port: 80 })`,
  },
  {
    name: 'hands an object over as a port',
    code: `let n = 0; return viaNet({ host: 'service.example', port: { valueOf: () => n++ ? 25 : 80 } })`,
  },
  {
    name: 'follows a redirect to a host that it did not declare',
    code: byFetch(`http://service.example/to/302/${encodeURIComponent('http://other.example/')}`),
  },
  {
    name: 'follows a redirect to another port',
    code: byFetch(`http://service.example/to/307/${encodeURIComponent('http://service.example:8080/')}`),
  },
  {
    name: 'reaches a private address that the operator opened for configured hosts, by its own host',
    code: byFetch('http://127.0.0.1:5001/'),
  },
  {
    name: 'reaches a private address that the operator opened, by a name',
    code: byFetch('http://exempt.example:5001/'),
  },
  { name: 'reaches another port of the host in its configuration', code: byFetch('http://127.0.0.1:5002/') },
  { name: 'reaches another host on the port of its configuration', code: byFetch('http://127.0.0.2:5000/') },
  { name: 'reaches the host in its configuration by another writing', code: byNet({ host: '127.1', port: 5000 }) },

  // Other roads
  {
    name: 'sets a proxy in its environment',
    code: `process.env.HTTP_PROXY = process.env.http_proxy = process.env.ALL_PROXY = 'http://127.0.0.1:' + TCP; process.env.NODE_USE_ENV_PROXY = '1'; return viaFetch('http://other.example/')`,
  },
  {
    name: 'gives its agent a proxy',
    code: `const agent = new http.Agent({ proxyEnv: { HTTP_PROXY: 'http://127.0.0.1:' + TCP } }); return viaHttp({ host: 'other.example', port: 80, agent })`,
  },
  {
    name: 'asks a declared host to connect it elsewhere, and speaks to the wrong one',
    code: `return viaHttp({ host: 'other.example', port: 80, method: 'CONNECT', path: '127.0.0.1:22' })`,
  },
  {
    name: 'writes another host into the line of the request',
    code: `await viaHttp({ host: 'service.example', port: 80, path: 'http://127.0.0.1/' }); return viaHttp({ host: 'other.example', port: 80 })`,
  },
  { name: 'opens a socket of the file system', code: `return viaNet({ path: '/var/run/docker.sock' })` },
  { name: 'opens an abstract socket', code: `return viaNet({ path: '\\0/tmp/.X11-unix/X0' })` },
  {
    name: 'sends a request to a socket of the file system',
    code: `return viaHttp({ socketPath: '/var/run/docker.sock', path: '/version' })`,
  },
  {
    name: 'takes over an open file as a socket',
    code: `return new Promise((resolve, reject) => { const socket = new net.Socket({ fd: 3 }); socket.on('error', reject); socket.write('x', (error) => error ? reject(error) : resolve('written')) })`,
    hole: 'answer',
  },
  {
    name: 'listens',
    code: `return new Promise((resolve, reject) => net.createServer().on('error', reject).listen(0, '127.0.0.1', () => resolve('listening')))`,
    hole: 'answer',
  },
  {
    name: 'listens for requests',
    code: `return new Promise((resolve, reject) => http.createServer().on('error', reject).listen(0, '127.0.0.1', () => resolve('listening')))`,
    hole: 'answer',
  },
  {
    name: 'sends a datagram',
    code: `const dgram = await import('node:dgram'); return new Promise((resolve, reject) => { const socket = dgram.createSocket('udp4'); socket.on('error', reject); socket.send('x', UDP, '127.0.0.1', (error) => error ? reject(error) : resolve('sent')) })`,
    hole: 'answer',
  },
  {
    name: 'asks a server for names',
    code: `const dns = await import('node:dns'); const resolver = new dns.promises.Resolver(); resolver.setServers(['127.0.0.1:' + UDP]); return JSON.stringify(await resolver.resolve4('other.example'))`,
    hole: 'answer',
  },
  {
    name: 'sends what it knows as a question for a name',
    code: `const dns = await import('node:dns'); const resolver = new dns.Resolver({ timeout: 200, tries: 1 }); resolver.setServers(['127.0.0.1:' + UDP]); return new Promise((resolve, reject) => resolver.resolveTxt('secret.other.example', (error) => error ? reject(error) : resolve('asked')))`,
    hole: 'answer',
  },
  {
    name: 'opens a web socket',
    code: `return new Promise((resolve, reject) => { if (typeof WebSocket === 'undefined') return reject(new Error('there is none')); const socket = new WebSocket('ws://127.0.0.1:' + TCP); socket.onopen = () => resolve('open'); socket.onerror = () => reject(new Error('refused')) })`,
    hole: 'answer',
  },
  { name: 'fetches a file', code: `return viaFetch('file:///etc/passwd')`, hole: 'answer' },
  { name: 'fetches by FTP', code: `return viaFetch('ftp://service.example/')`, hole: 'answer' },
  { name: 'fetches by gopher', code: `return viaFetch('gopher://127.0.0.1:6379/_INFO')`, hole: 'answer' },
  {
    name: 'makes a binding of TCP',
    code: `const { TCP: Handle, constants } = process.binding('tcp_wrap'); const handle = new Handle(constants.SOCKET); return String(handle.bind('127.0.0.1', 0))`,
    hole: 'answer',
  },
  {
    name: 'puts another dispatcher under fetch',
    code: `const key = Object.getOwnPropertySymbols(globalThis).find((symbol) => String(symbol).includes('undici.globalDispatcher')); const Agent = globalThis[key].constructor; return viaFetch('http://127.0.0.1:' + TCP + '/', { dispatcher: new Agent({ connect: { host: '127.0.0.1', port: TCP } }) })`,
  },
]

/** Each kind of client once, at a port of this machine where nobody expects it: whether its sockets are the host's. */
export const probes: PluginAttack[] = [
  { name: 'fetch has no socket of its own', code: `return viaFetch('http://127.0.0.1:' + TCP + '/')` },
  { name: 'http has no socket of its own', code: `return viaHttp({ host: '127.0.0.1', port: TCP })` },
  { name: 'net has no socket of its own', code: `return viaNet({ host: '127.0.0.1', port: TCP })` },
  { name: 'tls has no socket of its own', code: `return viaTls({ host: '127.0.0.1', port: TCP })` },
  { name: 'http2 has no socket of its own', code: `return viaHttp2('http://127.0.0.1:' + TCP)` },
]
