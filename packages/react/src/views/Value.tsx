import { Anchor } from '@mantine/core'
import { countOf } from '@tenon/contract/count-of'
import { dayOf, momentOf } from '../api/momentOf.js'
import { Badge, type Tone } from '../plugins/StatusBadge.js'
import { numberOf } from './numberOf.js'

export interface ValueProps {
  value: unknown
  /** As the manifest says: text, number, date, boolean, status, link, json. */
  type: string
  /** In full, where there is room for it. */
  full?: boolean | undefined
}

/**
 * One value of a plugin's data, by its declared type. Text of a plugin is never more than text.
 *
 * @example <Value value={0.9131} type="number" />
 * @since 0.1.0
 */
export function Value({ value, type, full = false }: ValueProps) {
  if (value === null || value === undefined || value === '') return <span className="tn-quiet">—</span>
  if (type === 'date') return <time dateTime={textOf(value)}>{dateOf(value)}</time>
  if (type === 'number' || typeof value === 'number') return <span className="tn-number">{numberFrom(value)}</span>
  if (type === 'boolean') return <>{value === true || value === 'true' ? 'Yes' : 'No'}</>
  if (type === 'status') {
    return (
      <Badge tone={toneOf(textOf(value))} icon={false}>
        {textOf(value)}
      </Badge>
    )
  }
  if (type === 'link' && /^https?:\/\//.test(textOf(value))) {
    return (
      <Anchor href={textOf(value)} target="_blank" rel="noreferrer" inherit>
        {textOf(value)}
      </Anchor>
    )
  }
  if (typeof value === 'object') return full ? <Structure value={value} /> : <>{summaryOf(value)}</>
  return <>{textOf(value)}</>
}

function Structure({ value }: { value: object }) {
  if (Array.isArray(value)) {
    return value.length === 0 ? (
      <span className="tn-quiet">None</span>
    ) : (
      <ul className="tn-chips">
        {value.map((part, index) => (
          <li key={index} className="tn-chip" data-plain>
            {textOf(part)}
          </li>
        ))}
      </ul>
    )
  }
  const entries = Object.entries(value)
  if (entries.length === 0) return <span className="tn-quiet">None</span>
  return (
    <dl className="tn-pairs">
      {entries.map(([name, part]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof part === 'number' ? numberOf(part) : textOf(part)}</dd>
        </div>
      ))}
    </dl>
  )
}

function summaryOf(value: object): string {
  if (Array.isArray(value)) return value.map(textOf).join(', ') || '—'
  const count = Object.keys(value).length
  return count === 0 ? '—' : countOf(count, 'value')
}

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === null || value === undefined ? '' : JSON.stringify(value)
}

/** PostgreSQL's numbers of many digits come as text. */
function numberFrom(value: unknown): string {
  const number = Number(value)
  return Number.isFinite(number) ? numberOf(number) : textOf(value)
}

function dateOf(value: unknown): string {
  const text = textOf(value)
  const moment = new Date(text)
  if (Number.isNaN(moment.getTime())) return text
  return isDay(text) ? dayOf(moment) : momentOf(moment)
}

/** A day is the same everywhere; a moment is not. */
const isDay = (text: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(text)

const tones: [RegExp, Tone][] = [
  [/^(production|ready|active|approved|finished|success|ok|healthy|done|completed)$/i, 'good'],
  [/^(staging|pending|running|scheduled|waiting)$/i, 'note'],
  [/^(failed|error|blocked|killed|rejected)$/i, 'bad'],
]

/** The usual words have the usual colours. */
function toneOf(word: string): Tone {
  return tones.find(([pattern]) => pattern.test(word))?.[1] ?? 'quiet'
}
