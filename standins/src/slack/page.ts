import { createHash } from 'node:crypto'
import type { Reply } from '../exchange.js'
import { Html, html } from './html.js'

const STYLE = new Html(`
:root{color-scheme:light dark;--line:#8886;--soft:#8881;--accent:#4a154b}
@media(prefers-color-scheme:dark){:root{--accent:#b98abb}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:46rem;padding:1.5rem 1rem 4rem}
h1{font-size:1.4rem;line-height:1.25}h2{font-size:1.05rem;margin:2rem 0 .5rem}
form h2,form p:first-child{margin-top:0}
small,time,.quiet{color:GrayText;font-size:.85rem}
article{border-top:1px solid var(--line);padding:.6rem 0;overflow-wrap:anywhere}
article p{margin:.15rem 0 0;white-space:pre-wrap}
form{border:1px solid var(--line);border-radius:.6rem;padding:1.25rem}
label{display:block;font-weight:600}select{font:inherit;margin:.35rem 0 1.25rem;padding:.5rem;width:100%}
button{border:1px solid var(--line);border-radius:.4rem;cursor:pointer;font:inherit;font-weight:600;padding:.55rem 1.4rem}
button.primary{background:var(--accent);border-color:var(--accent);color:Canvas}
code{background:var(--soft);border-radius:.25rem;padding:.1rem .3rem}
`)

/** A script of ours, constant so that the policy can name it by its hash, and the number that it is told. */
export interface PageScript {
  readonly script: string
  readonly count: number
}

/** A whole page as an answer. It may not be framed, run any other script or load anything from elsewhere. */
export function page(status: number, title: string, content: Html, live?: PageScript): Reply {
  const scriptHash = live && createHash('sha256').update(live.script).digest('base64')
  const body = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <title>${title}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <main data-count="${String(live?.count ?? 0)}">${content}</main>
        ${live ? new Html(`<script>${live.script}</script>`) : ''}
      </body>
    </html>`
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        ...(scriptHash ? [`script-src 'sha256-${scriptHash}'`, "connect-src 'self'"] : []),
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ].join('; '),
    },
    body: body.text,
  }
}
