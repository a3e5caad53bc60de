import { createSmallLauncher } from '../runtime/launcher.js'
import { findBubblewrap, informationFd, namespaceArguments } from '../runtime/namespaces.js'

/**
 * A host that starts programs in namespaces and does nothing else, for tests that kill it meanwhile. Takes a word that
 * is among the arguments of everything that it starts, how many to start, and further arguments of bubblewrap. Says the
 * number of each process in a line.
 */
const [word = '', count = '1', ...more] = process.argv.slice(2)
/** As a runner: it ends when nobody holds the other end of its pipe. */
const listener = `new (require('net').Socket)({ fd: 3 }).on('close', () => process.exit()).resume()`

const launcher = createSmallLauncher()
const args = [...more, ...namespaceArguments(process.execPath, [], ['-e', listener, word])]
for (let started = 0; started < Number(count); started++) {
  const child = await launcher.start({
    program: findBubblewrap() ?? 'bwrap',
    args,
    cwd: '/',
    pipes: [2, 3, 4, informationFd, 6],
    niceness: 5,
  })
  process.stdout.write(`${child.pid}\n`)
}
setInterval(() => undefined, 1_000)
