declare global {
  interface Window {
    /** Read by the library that locks scrolling behind dialogs. */
    __webpack_nonce__?: string
  }
}

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''
window.__webpack_nonce__ = nonce

/** What the content security policy of this page asks of style elements. */
export function styleNonce(): string {
  return nonce
}
