import { MantineProvider, mergeThemeOverrides, type MantineColorScheme, type MantineThemeOverride } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { queryDefaults } from './api/queryDefaults.js'
import { configureRequests, type RequestOptions } from './api/request.js'
import { steadyButtons } from './api/SteadyButton.js'

export interface TenonProviderProps {
  children: ReactNode
  /** How requests reach the host. It is read once: `headers` is a function, so that a token may change. */
  api?: Partial<RequestOptions> | undefined
  /** Fonts, radius and the main colour; the rest are the variables that begin with `--tn-`. */
  theme?: MantineThemeOverride | undefined
  /** Default: as the person has set up their browser. */
  colorScheme?: MantineColorScheme | undefined
  /** Of the page's content security policy, for the style elements: one of the theme, one while a dialog is open. */
  styleNonce?: (() => string) | undefined
  /** The application's own cache, where it has one. */
  client?: QueryClient | undefined
}

/**
 * All that the components of this package need around them, for an application that uses neither Mantine nor TanStack
 * Query itself. One that does puts its own providers there and calls `configureRequests`.
 *
 * @example
 * import '@tenon/react/complete.css'
 * const api = { headers: () => ({ authorization: `Bearer ${token()}` }) }
 * createRoot(document.body).render(
 *   <TenonProvider api={api}>
 *     <App />
 *   </TenonProvider>,
 * )
 * @since 0.1.0
 */
export function TenonProvider({ children, api, theme, colorScheme = 'auto', styleNonce, client }: TenonProviderProps) {
  const [cache] = useState(() => {
    // Before anything below asks for something.
    if (api) configureRequests(api)
    // Read by the library that locks scrolling behind dialogs.
    if (styleNonce) Object.assign(globalThis, { __webpack_nonce__: styleNonce() })
    return client ?? new QueryClient({ defaultOptions: queryDefaults })
  })
  return (
    <MantineProvider
      defaultColorScheme={colorScheme}
      theme={mergeThemeOverrides({ components: steadyButtons }, theme ?? {})}
      {...(colorScheme === 'auto' ? {} : { forceColorScheme: colorScheme })}
      {...(styleNonce ? { getStyleNonce: styleNonce } : {})}
    >
      <QueryClientProvider client={cache}>{children}</QueryClientProvider>
    </MantineProvider>
  )
}
