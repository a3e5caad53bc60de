import { Button, type ButtonProps, type ElementProps, Tooltip, VisuallyHidden } from '@mantine/core'
import { useId } from 'react'

export interface ReasonedButtonProps
  extends Omit<ButtonProps, 'disabled'>, ElementProps<'button', keyof ButtonProps | 'disabled'> {
  /** Why it cannot be pressed now; without one it can be. */
  reason?: string | undefined
  /** What it does, where its name does not say all of it. */
  hint?: string | undefined
}

/**
 * A button that says why it cannot be pressed: beside it to who points at it or comes to it by keyboard, and as its
 * description to who hears the page. It keeps the focus when that changes.
 *
 * @example
 * const reason = run.state === 'running' ? 'It is under way.' : undefined
 * return <ReasonedButton reason={reason} onClick={() => navigate('/sync')}>Sync</ReasonedButton>
 * @since 0.1.0
 */
export function ReasonedButton({ reason, hint, onClick, ...rest }: ReasonedButtonProps) {
  const id = useId()
  const isRefused = reason !== undefined
  const told = reason ?? hint ?? ''
  return (
    <>
      {/* The same button whatever there is to say: another one would not have the focus. */}
      <Tooltip label={told} disabled={told === ''} events={{ hover: true, focus: true, touch: isRefused }}>
        <Button
          {...rest}
          data-disabled={isRefused || undefined}
          aria-disabled={isRefused || undefined}
          aria-describedby={isRefused ? id : undefined}
          onClick={isRefused ? (event) => event.preventDefault() : onClick}
        />
      </Tooltip>
      {isRefused && <VisuallyHidden id={id}>{reason}</VisuallyHidden>}
    </>
  )
}
