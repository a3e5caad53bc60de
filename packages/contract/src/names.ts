import * as z from 'zod'

/**
 * Names that a manifest may contain. The manifest is the attacker's text (D-10): a name is checked as a whole here and is
 * never joined to a path or a URL unchecked.
 */

const maxPathLength = 300
const segment = '[A-Za-z0-9_@][A-Za-z0-9._@-]*'
const relativePath = new RegExp(`^${segment}(/${segment})*$`)
const sourceExtension = /\.(ts|tsx|mts|cts|js|jsx|mjs|cjs)$/

/** A path inside the marketplace: no `..`, not absolute, no backslash, no percent sign, no hidden segment. */
export const relativePathSchema = z
  .string()
  .max(maxPathLength)
  .regex(relativePath, 'must be a plain relative path: letters, digits, . _ @ - and single slashes')

/** The file that a source-only plugin starts with. */
export const entryPointSchema = relativePathSchema.regex(sourceExtension, 'must be a TypeScript or JavaScript file')

/** SHA-256 in lower-case hexadecimal. */
export const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hexadecimal')

/** Not longer: what compares versions throws at numbers that are not exact any more. */
const versionNumber = '(0|[1-9][0-9]{0,14})'
const preRelease = '(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)'
const versionPattern = new RegExp(
  `^${versionNumber}(\\.${versionNumber}){2}(-${preRelease}(\\.${preRelease})*)?(\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$`,
)

/** A version by Semantic Versioning 2.0, without a leading `v`. */
export const versionSchema = z.string().max(100).regex(versionPattern, 'must be a version such as 1.2.3')

/** An address that a browser may open: http or https, so that no `javascript:` ever becomes a link. */
export const webUrlSchema = z
  .string()
  .max(2000)
  .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http or https URL')

/** S10: an http(s) URL, a host asset such as `/assets/x.svg`, or a file of the plugin such as `icon.svg`. */
export const iconUrlSchema = z.union([
  webUrlSchema,
  z
    .string()
    .startsWith('/')
    .max(maxPathLength)
    .refine((path) => relativePath.test(path.slice(1))),
  relativePathSchema,
])

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
const hostPattern = new RegExp(`^(\\*\\.)?${label}(\\.${label})+(:[0-9]{1,5})?$`)
const singleLabelBelowWildcard = new RegExp(`^\\*\\.${label}(:|$)`)

/**
 * A host that a plugin may talk to: `name[:port]` (443 when absent), where a leading `*.` stands for exactly one label.
 * Addresses are refused, and so is a wildcard over a whole top-level domain.
 */
export const hostPatternSchema = z
  .string()
  .max(260)
  .regex(hostPattern, 'must be a host name such as api.example.com, *.example.com or api.example.com:8443')
  .refine((host) => !singleLabelBelowWildcard.test(host), 'must not cover a whole top-level domain')
  .refine((host) => /[a-z]/.test(topLabel(host)), 'must be a name, not an address')
  .refine((host) => portOf(host) >= 1 && portOf(host) <= 65535, 'has a port that does not exist')

/** `METHOD /path/:name`, as the router of a plugin knows it. */
export const routeSchema = z
  .string()
  .max(300)
  .regex(
    /^(GET|POST|PUT|PATCH|DELETE) (\/|(\/:?[A-Za-z0-9_][A-Za-z0-9._-]*)+)$/,
    'must be a route such as "GET /models/:id"',
  )

/** A JSON Pointer (RFC 6901); the empty one is the whole document. */
export const jsonPointerSchema = z
  .string()
  .max(300)
  .regex(/^(\/([^/~]|~[01])*)*$/, 'must be a JSON Pointer such as /team/id')

/** Five fields: minute, hour, day of month, month, day of week. */
export const cronSchema = z
  .string()
  .max(100)
  .regex(/^[0-9*,/-]+( [0-9A-Za-z*,/-]+){4}$/, 'must be a cron expression of five fields')

/** A table of the tenant (`risks`) or of the application (`public.users`). */
export const tableNameSchema = z
  .string()
  .max(63 + 'public.'.length)
  .regex(/^(public\.)?[a-z_][a-z0-9_]*$/, 'must be a table name such as risks or public.users')

/** The name of an event: words joined by dots, such as `risk.imported`. */
export const eventNameSchema = z
  .string()
  .max(100)
  .regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/, 'must be an event name such as risk.imported')

/** An event name, or all events below one: `risk.*`. */
export const eventPatternSchema = z
  .string()
  .max(100)
  .regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*(\.\*)?$/, 'must be an event name such as risk.imported or risk.*')

/** The name of an export of the plugin. */
export const exportNameSchema = z
  .string()
  .max(100)
  .regex(/^[A-Za-z_$][A-Za-z0-9_$]*$/, 'must be the name of an exported function')

/** An id of something that a plugin contributes, unique within its kind. */
export const contributionIdSchema = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'must be letters, digits, _ and -')

function topLabel(host: string): string {
  return host.replace(/:\d+$/, '').split('.').at(-1) ?? ''
}

function portOf(host: string): number {
  return Number(/:(\d+)$/.exec(host)?.[1] ?? 443)
}
