import type { MantineThemeComponents } from '@mantine/core'
import type { ComponentPropsWithRef, MouseEvent } from 'react'

interface SteadyButtonProps extends ComponentPropsWithRef<'button'> {
  'data-loading'?: boolean
  'data-disabled'?: boolean
}

/** A button that keeps the focus while its work goes on: one that a browser has disabled loses it, and a dialog with it. */
function SteadyButton({ disabled, onClick, type = 'button', ...rest }: SteadyButtonProps) {
  const isBusy = Boolean(rest['data-loading']) && !rest['data-disabled']
  const refuse = (event: MouseEvent) => event.preventDefault()
  return (
    <button
      {...rest}
      type={type}
      disabled={disabled === true && !isBusy}
      aria-disabled={isBusy || rest['aria-disabled']}
      onClick={isBusy ? refuse : onClick}
    />
  )
}

/**
 * For the theme of an application with a `MantineProvider` of its own: buttons whose work goes on keep the focus.
 *
 * @example
 * ```ts
 * import { createTheme } from '@mantine/core'
 * const theme = createTheme({ components: { ...steadyButtons } })
 * ```
 * @since 0.1.0
 */
export const steadyButtons: MantineThemeComponents = { Button: { defaultProps: { component: SteadyButton } } }
