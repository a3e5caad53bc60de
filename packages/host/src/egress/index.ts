export * from './addresses.js'
export * from './connect.js'
export * from './fetch.js'
export * from './host-map.js'
