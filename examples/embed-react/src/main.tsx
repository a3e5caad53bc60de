import '@tenon/react/complete.css'
import './app.css'
import { TenonProvider } from '@tenon/react'
import { EventSource } from 'eventsource'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App'

/** Who is signed in is this application's business; here the address says it once, and the tab remembers. */
const key = new URLSearchParams(location.search).get('as') ?? sessionStorage.getItem('as') ?? 'admin'
sessionStorage.setItem('as', key)
const headers = () => ({ 'x-api-key': key })

const api = {
  baseUrl: '/backend',
  headers,
  imagesNeedHeaders: true,
  // The browser's own sends cookies, and no headers.
  openEvents: (address: string) =>
    new EventSource(new URL(address, location.href), {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...headers() } }),
    }),
}

/** What the content security policy asks of styles; the server writes it into the page. */
const styleNonce = () => document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <TenonProvider
      api={api}
      styleNonce={styleNonce}
      theme={{ primaryColor: 'grape', primaryShade: 8, fontFamily: 'Georgia, serif', defaultRadius: 'xl' }}
    >
      <App mayInstall={key === 'admin'} />
    </TenonProvider>
  </StrictMode>,
)
