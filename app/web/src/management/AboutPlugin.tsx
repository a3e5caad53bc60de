import { Anchor } from '@mantine/core'
import { Loading, type Plugin, publisherOf, useCategories } from '@tenon/react'
import { Check } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { Panel } from '../ui/Panel.js'
import classes from './ManagementPage.module.css'

const Markdown = lazy(() => import('./Markdown.js').then((module) => ({ default: module.Markdown })))

/** What a plugin is for, as its publisher says it. */
export function AboutPlugin({ plugin }: { plugin: Plugin }) {
  const categories = useCategories()
  const category = categories.data?.find(({ id }) => id === plugin.category)?.name ?? plugin.category
  const facts: [string, React.ReactNode][] = [
    ['Category', category],
    ['Publisher', publisherOf(plugin)],
    ['Version', plugin.version],
    ['Code', codeOf(plugin)],
    ...(plugin.license ? [['License', plugin.license] as [string, React.ReactNode]] : []),
    ...linkOf('Documentation', plugin.documentationUrl),
    ...linkOf('Support', plugin.supportUrl),
    ...(plugin.tags.length > 0 ? [['Tags', plugin.tags.join(', ')] as [string, React.ReactNode]] : []),
  ]
  return (
    <div className={classes.about}>
      <div>
        <Panel title="About">
          <div className={classes.markdown}>
            <Suspense fallback={<Loading height={60} />}>
              <Markdown text={plugin.longDescription ?? plugin.description} />
            </Suspense>
          </div>
        </Panel>
        {plugin.features.length > 0 && (
          <Panel title="Features">
            <ul className={classes.features}>
              {plugin.features.map(({ name, description }) => (
                <li key={name}>
                  <Check size={17} strokeWidth={2.25} aria-hidden />
                  <div>
                    <strong>{name}</strong>
                    <p>{description}</p>
                  </div>
                </li>
              ))}
            </ul>
          </Panel>
        )}
      </div>
      <Panel title="Details">
        <dl className={classes.facts}>
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </Panel>
    </div>
  )
}

/** What its code is known by: which bytes run, or what they are made of. */
function codeOf({ artifact }: Plugin): React.ReactNode {
  if (!artifact) return 'Built here from its source'
  return (
    <>
      Verified package <code title={`SHA-256 ${artifact.sha256}`}>{artifact.sha256.slice(0, 12)}</code>
    </>
  )
}

function linkOf(name: string, address: string | undefined): [string, React.ReactNode][] {
  if (!address) return []
  return [
    [
      name,
      <Anchor key={name} href={address} target="_blank" rel="noreferrer" inherit>
        {new URL(address).host}
      </Anchor>,
    ],
  ]
}
