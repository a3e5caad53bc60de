import { expect, test } from 'vitest'
import {
  assertTransition,
  installationTransitions,
  PluginInstallationStatus as Status,
  settledInstallationStatuses,
  storedInstallationStatuses,
} from './installation-states.js'

test('an installation goes from nothing to installed and back, or fails and is retried', () => {
  const life = [
    Status.UNINSTALLED,
    Status.INSTALLING,
    Status.FAILED,
    Status.INSTALLING,
    Status.INSTALLED,
    Status.UNINSTALLING,
  ]
  for (const [index, to] of life.slice(1).entries()) assertTransition(life[index] as Status, to)
  expect(() => assertTransition(Status.UNINSTALLED, Status.INSTALLED)).toThrow('cannot become installed')
  expect(() => assertTransition(Status.UPDATING, Status.FAILED)).toThrow('cannot become failed')
})

test('every settled state can be uninstalled', () => {
  for (const status of settledInstallationStatuses)
    expect(installationTransitions[status]).toContain(Status.UNINSTALLING)
})

test('a row is never uninstalled: that is the absence of the row', () => {
  expect(storedInstallationStatuses).toHaveLength(6)
  expect(storedInstallationStatuses).not.toContain(Status.UNINSTALLED)
})
