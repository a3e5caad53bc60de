import '@fontsource-variable/inter'
import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import '@tenon/react/styles.css'
import './global.css'
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'
import { App } from './App.js'
import { styleNonce } from './styleNonce.js'
import { createCache } from './cache.js'
import { cssVariables, theme } from './theme.js'
import { PageBoundary } from './ui/PageBoundary.js'

const root = document.getElementById('root')
if (!root) throw new Error('The page has no place for the client.')

createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      cssVariablesResolver={cssVariables}
      getStyleNonce={styleNonce}
    >
      <QueryClientProvider client={createCache()}>
        <Notifications position="bottom-center" autoClose={5000} />
        <PageBoundary of="everything">
          <BrowserRouter>
            <App />
          </BrowserRouter>
        </PageBoundary>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
