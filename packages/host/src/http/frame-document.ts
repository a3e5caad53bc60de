import { createHash } from 'node:crypto'
import type { RequestHandler, Response } from 'express'
import type { FrameContent, Frames } from '../installations/frames.js'

/** What a browser offers to pages and no frame of a plugin gets. */
const offeredFeatures = [
  'accelerometer',
  'autoplay',
  'browsing-topics',
  'camera',
  'clipboard-read',
  'clipboard-write',
  'display-capture',
  'encrypted-media',
  'fullscreen',
  'geolocation',
  'gyroscope',
  'hid',
  'identity-credentials-get',
  'idle-detection',
  'local-fonts',
  'magnetometer',
  'microphone',
  'midi',
  'otp-credentials',
  'payment',
  'picture-in-picture',
  'publickey-credentials-create',
  'publickey-credentials-get',
  'screen-wake-lock',
  'serial',
  'storage-access',
  'usb',
  'window-management',
  'xr-spatial-tracking',
]

/** Before the plugin's own style, so that a bare page looks like the page around it. */
const baseStyle = `:root{color-scheme:light dark}body{margin:0;font:14px/1.5 system-ui,sans-serif}`

export interface FrameDocumentOptions {
  frames: Pick<Frames, 'read'>
  /** Where people reach the application, when its pages are not served by this very server. */
  publicUrl?: string | undefined
}

/** Answers with the page of a plugin's own UI. Who has the address may have it, so nobody is asked who they are. */
export function frameDocument({ frames, publicUrl }: FrameDocumentOptions): RequestHandler<{ token: string }> {
  const ancestors = ["'self'", ...(publicUrl === undefined ? [] : [new URL(publicUrl).origin])].join(' ')
  return async ({ params }, response) => {
    const content = await frames.read(params.token)
    setHeaders(response, policyOf(content, ancestors))
    response.status(200).type('html').send(pageOf(content))
  }
}

function setHeaders(response: Response, policy: string): void {
  // Older than frame-ancestors, and stricter than is wanted here where an application sets it for all of its answers.
  response.removeHeader('x-frame-options')
  response.setHeader('content-security-policy', policy)
  response.setHeader('permissions-policy', offeredFeatures.map((feature) => `${feature}=()`).join(', '))
  response.setHeader('referrer-policy', 'no-referrer')
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('x-dns-prefetch-control', 'off')
  response.setHeader('cross-origin-resource-policy', 'same-origin')
}

/**
 * Made from the manifest: the two texts that were packed may run and apply, by their hashes, and nothing is fetched from
 * anywhere. `sandbox` makes the page one without an origin also when it is not in our frame.
 */
function policyOf({ script, style, ui }: FrameContent, ancestors: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(baseStyle + style)}`,
    `img-src ${ui.images ? 'data:' : "'none'"}`,
    "connect-src 'none'",
    "form-action 'none'",
    "base-uri 'none'",
    `frame-ancestors ${ancestors}`,
    'sandbox allow-scripts',
  ].join('; ')
}

function pageOf({ title, script, style }: FrameContent): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    `<title>${escapeText(title)}</title><style>${baseStyle}${style}</style></head>`,
    `<body><div id="root"></div><script type="module">${script}</script></body></html>`,
  ].join('')
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

const escapeText = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
