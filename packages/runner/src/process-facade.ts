import v8 from 'node:v8'
import type { PluginConsole } from './plugin-console.js'

/** The `process` that a plugin sees: what libraries ask for, and nothing that reaches outside. */
export function createProcessFacade(
  real: NodeJS.Process,
  console: PluginConsole,
  { mayReadOwnMemory }: { mayReadOwnMemory: boolean },
): { env: object } {
  const self = () => facade
  const output = (write: (text: string) => void) => ({
    isTTY: false,
    fd: -1,
    columns: 80,
    write: (text: unknown) => (write(String(text).replace(/\n$/, '')), true),
    on: self,
    once: self,
    emit: () => false,
    end: () => undefined,
    getColorDepth: () => 1,
    hasColors: () => false,
  })
  const { versions, version, platform, arch, features } = real
  const exit = real.reallyExit.bind(real)
  const facade = {
    title: 'plugin',
    version,
    versions: { ...versions },
    platform,
    arch,
    features: { ...features },
    release: { name: 'node' },
    config: { variables: {} },
    env: {},
    argv: ['node', 'plugin'],
    argv0: 'node',
    execArgv: [],
    execPath: '/node',
    pid: 1,
    ppid: 0,
    browser: false,
    exitCode: undefined,
    stdout: output((text) => console.write('info', text)),
    stderr: output((text) => console.write('error', text)),
    stdin: { isTTY: false, fd: -1, on: self, once: self, resume: self, pause: self },
    nextTick: real.nextTick.bind(real),
    hrtime: real.hrtime,
    uptime: () => real.uptime(),
    memoryUsage: mayReadOwnMemory ? real.memoryUsage : memoryUsageOfEngine(),
    cpuUsage: () => real.cpuUsage(),
    resourceUsage: () => real.resourceUsage(),
    cwd: () => '/',
    chdir: self,
    umask: () => 0o22,
    getuid: () => 1000,
    getgid: () => 1000,
    geteuid: () => 1000,
    getegid: () => 1000,
    emitWarning: (warning: unknown) => console.write('warn', String(warning)),
    // A plugin may end itself: it ends nothing else.
    exit: (code: unknown) => exit(typeof code === 'number' ? code : 0),
    abort: () => exit(134),
    on: self,
    once: self,
    off: self,
    addListener: self,
    prependListener: self,
    removeListener: self,
    removeAllListeners: self,
    setMaxListeners: self,
    emit: () => false,
    listeners: () => [],
    listenerCount: () => 0,
    eventNames: () => [],
    [Symbol.toStringTag]: 'process',
  }
  return facade
}

/** Node reads its resident memory from a file, which is closed to a sealed runner: this is what V8 knows of itself. */
function memoryUsageOfEngine(): () => NodeJS.MemoryUsage {
  const statistics = v8.getHeapStatistics
  const ofProgram = 40 * 1024 * 1024
  const memoryUsage = () => {
    const { total_heap_size: heapTotal, used_heap_size: heapUsed, external_memory: external } = statistics()
    return { rss: ofProgram + heapTotal + external, heapTotal, heapUsed, external, arrayBuffers: 0 }
  }
  return Object.assign(memoryUsage, { rss: () => memoryUsage().rss })
}

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace NodeJS {
    interface Process {
      reallyExit(code: number): never
    }
  }
}
