import { afterAll } from 'vitest'
import { whenPageRests } from './page-at-rest.js'

if ('document' in globalThis) afterAll(whenPageRests)
