import { isJsonObject, TenonError } from '@tenon/contract'
import semver from 'semver'

const packageName = /^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/
/** As npm has it. */
const maxNameLength = 214

/** What a package.json, and the versions of a package in it, may have. */
export const dependencyLimits = { packageJsonCharacters: 500_000, rangeCharacters: 200 }

/** What a specification that is not a version range would make npm do. */
const kinds: [pattern: RegExp, kind: string][] = [
  [/^npm:/, 'an alias for another package'],
  [/^(file|link|portal):|^(\.{0,2}|~)\/|^[a-z]:\\/i, 'a file of this machine'],
  [/^workspace:/, 'a workspace of this machine'],
  [/^(git|ssh)[+:@]|^(github|gitlab|bitbucket|gist):|\.git(#|$)/, 'a Git repository'],
  [/^https?:/, 'an address on the web'],
  [/^[^@\s]+\/[^@\s]+$/, 'a Git repository'],
]

/**
 * The packages that a plugin says it uses, by name. Nothing else of its package.json is ever looked at: no scripts,
 * overrides, workspaces, bundled dependencies, registries or fields that change how modules resolve.
 *
 * @throws TenonError SOURCE_REFUSED when it is not an object.
 */
export function declaredDependencies(packageJson: string | undefined, plugin: string): Map<string, unknown> {
  if (packageJson === undefined) return new Map()
  if (packageJson.length > dependencyLimits.packageJsonCharacters) {
    throw new TenonError('SOURCE_REFUSED', {
      plugin,
      reason: `its package.json has more than ${dependencyLimits.packageJsonCharacters} characters`,
    })
  }
  const parsed = parseLeniently(packageJson)
  if (!isJsonObject(parsed)) throw new TenonError('SOURCE_REFUSED', { plugin, reason: 'its package.json is not JSON' })
  return new Map(isJsonObject(parsed.dependencies) ? Object.entries(parsed.dependencies) : [])
}

/**
 * Checks a dependency that is really imported.
 *
 * @throws TenonError SOURCE_REFUSED for anything but a version range of a package in the registry.
 */
export function checkedRange(name: string, specification: unknown, plugin: string): string {
  const refuse = (reason: string): never => {
    throw new TenonError('SOURCE_REFUSED', { plugin, reason })
  }
  if (!packageName.test(name) || name.length > maxNameLength) return refuse(`"${name}" is not the name of a package`)
  if (typeof specification !== 'string') return refuse(`the version of its dependency ${name} is not text`)
  const wanted = specification.trim()
  if (wanted.length > dependencyLimits.rangeCharacters) {
    return refuse(`the version of its dependency ${name} has more than ${dependencyLimits.rangeCharacters} characters`)
  }
  if (wanted === 'latest' || semver.validRange(wanted) !== null) return wanted
  const kind = kinds.find(([pattern]) => pattern.test(wanted))?.[1] ?? 'not a version range'
  return refuse(
    `its dependency ${name} is "${wanted.slice(0, 100)}", ${kind}; only version ranges of the registry are allowed`,
  )
}

/** JSON, also with `//` comments and without the comma that was left before a bracket: the seed's own sample has both. */
function parseLeniently(text: string): unknown {
  return parseOrUndefined(text) ?? parseOrUndefined(withoutComments(text))
}

/** One pass from left to right: a pattern that skips strings would go over hostile text again and again. */
function withoutComments(text: string): string {
  let plain = ''
  let comma = -1
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? ''
    if (character === '"') {
      const end = endOfString(text, at)
      plain += text.slice(at, end)
      at = end - 1
      comma = -1
    } else if (text.startsWith('//', at)) {
      const end = text.indexOf('\n', at)
      at = end === -1 ? text.length : end
    } else {
      if (comma !== -1 && (character === '}' || character === ']')) plain = plain.slice(0, comma)
      if (character === ',') comma = plain.length
      else if (!/\s/.test(character)) comma = -1
      plain += character
    }
  }
  return plain
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return Math.min(at + 1, text.length)
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
