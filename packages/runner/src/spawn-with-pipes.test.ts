import { afterEach, expect, it, vi } from 'vitest'
import { killGroup } from './spawn-with-pipes.js'

afterEach(() => vi.restoreAllMocks())

// kill(-1) is every process that the host may end, kill(0) its own group.
it.each([1, 0, -1, -7])('the group of %d is never killed', (pid) => {
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
  killGroup(pid)
  expect(kill).not.toHaveBeenCalled()
})
