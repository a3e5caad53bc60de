/** The server sees nothing of the host's environment, which holds secrets. Messages stay English, times stay UTC. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const passed: NodeJS.ProcessEnv = { LC_ALL: 'C', TZ: 'UTC' }
  for (const name of ['PATH', 'TMPDIR', 'SystemRoot', 'TEMP', 'TMP']) {
    const value = process.env[name]
    if (value !== undefined) passed[name] = value
  }
  return passed
}
