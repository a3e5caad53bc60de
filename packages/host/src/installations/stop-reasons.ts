/** Why processes of a plugin are ended, in the same words whichever server hears of it, and in whatever way. */
export const disabled = { kind: 'stopped', text: 'it was disabled' } as const
export const removed = { kind: 'stopped', text: 'it was removed' } as const
export const failed = { kind: 'stopped', text: 'its installation failed' } as const
