import '@tenon/react/complete.css'
import './app.css'
import { TenonProvider } from '@tenon/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App'

/** Who is signed in is this application's business; here the address says it. */
const key = new URLSearchParams(location.search).get('as') ?? 'admin'

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <TenonProvider
      api={{ baseUrl: '/backend', headers: () => ({ 'x-api-key': key }), imagesNeedHeaders: true }}
      theme={{ primaryColor: 'grape', primaryShade: 8, fontFamily: 'Georgia, serif', defaultRadius: 'xl' }}
    >
      <App mayInstall={key === 'admin'} />
    </TenonProvider>
  </StrictMode>,
)
