import type { Release } from '@tenon/contract'
import type { ReactNode } from 'react'

interface ReleaseNotesProps {
  /** The newest first. */
  releases: readonly Release[]
  /** Beside the name of a version. */
  badgeOf?: (release: Release) => ReactNode
}

/** What is new in each version, as its publisher says it. Text of a publisher is never more than text. */
export function ReleaseNotes({ releases, badgeOf }: ReleaseNotesProps) {
  return (
    <ol className="tn-releases">
      {releases.map((release) => (
        <li key={release.version}>
          <div className="tn-activity">
            <div>
              <strong>Version {release.version}</strong> {badgeOf?.(release)}
            </div>
            {release.date && (
              <time className="tn-quiet" dateTime={release.date}>
                {new Date(release.date).toLocaleDateString('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })}
              </time>
            )}
          </div>
          {release.notes.length > 0 ? (
            <ul>
              {release.notes.map((note, index) => (
                <li key={index}>{note}</li>
              ))}
            </ul>
          ) : (
            <p className="tn-quiet">Its publisher does not say what is new.</p>
          )}
        </li>
      ))}
    </ol>
  )
}
