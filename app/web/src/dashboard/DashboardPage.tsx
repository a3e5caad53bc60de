import { Anchor, Button, Skeleton, VisuallyHidden } from '@mantine/core'
import { useQueries, useQuery } from '@tanstack/react-query'
import { Loading, needsConfiguration, request, useInstallations, useSlot, viewTotal } from '@tenon/react'
import { ArrowRight, Check, ExternalLink } from 'lucide-react'
import { Link } from 'react-router'
import { RequestsNote } from '../requests/RequestsNote.js'
import { Alerts } from '../runs/Alerts.js'
import { useAccount } from '../session/session.js'
import { FailedState } from '../ui/FailedState.js'
import { PageHead } from '../ui/PageHead.js'
import { Panel } from '../ui/Panel.js'
import classes from './DashboardPage.module.css'
import { useSamples } from './samples.js'
import { useSteps } from './steps.js'

/** Tells a newcomer what to do next, and everybody how things stand. */
export function DashboardPage() {
  const { user, organization } = useAccount()
  return (
    <>
      <PageHead title={`Hello, ${user.name}`} text={`This is ${organization.name} at a glance.`} />
      <Alerts />
      <RequestsNote />
      <Figures />
      <div className={classes.columns}>
        <NextSteps />
        <Samples />
      </div>
    </>
  )
}

function Figures() {
  const installations = useInstallations()
  const figures = [
    { label: 'Installed plugins', to: '/plugins/my-plugins', ...installations, data: installations.data?.length },
    { label: 'Risks', to: '/risks', ...useTotal('risks') },
    { label: 'Models in the inventory', to: '/models', ...useTotal('models') },
    ...usePluginTotals(),
  ]
  return (
    <ul className={classes.figures}>
      {figures.map(({ label, to, data, error }) => (
        <li key={to}>
          <Link to={to}>
            <span>{label}</span>
            {data !== undefined ? (
              <strong>{data.toLocaleString('en')}</strong>
            ) : error ? (
              <strong title={error.message}>
                — <VisuallyHidden>not known</VisuallyHidden>
              </strong>
            ) : (
              <Skeleton height={28} width={44} />
            )}
          </Link>
        </li>
      ))}
    </ul>
  )
}

function useTotal(register: 'risks' | 'models') {
  return useQuery({
    queryKey: [register, 'total'],
    queryFn: ({ signal }) => request<{ total: number }>(`/${register}`, { query: { pageSize: 1 }, signal }),
    select: ({ total }) => total,
  })
}

/** What plugins have brought in beside the inventory; nothing of those that know of no service yet. */
function usePluginTotals() {
  const { contributions } = useSlot('models.tabs', 'views')
  const ready = contributions.filter(({ plugin, installation }) => !needsConfiguration(plugin, installation))
  const totals = useQueries({ queries: ready.map(({ plugin, contribution }) => viewTotal(plugin, contribution)) })
  return ready.map(({ plugin, contribution }, index) => ({
    label: `Entries in ${contribution.title}`,
    to: `/models?view=${plugin.key}.${contribution.id}`,
    data: totals[index]?.data,
    error: totals[index]?.error ?? null,
  }))
}

function NextSteps() {
  const { steps, error, retry } = useSteps()
  if (error) return <FailedState title="What to do next is not known" error={error} onRetry={retry} />
  if (!steps) return <Loading height={240} />
  const next = steps.find(({ done }) => !done)
  return (
    <Panel
      title={next ? 'What to do next' : 'All set'}
      text={next ? undefined : 'Nothing waits for you. The marketplace may have something new.'}
    >
      <ol className={classes.steps}>
        {steps.map((step) => (
          <li key={step.title} data-done={step.done || undefined} data-next={step === next || undefined}>
            <span className={classes.sign}>{step.done ? <Check size={14} aria-label="Done" /> : null}</span>
            <div>
              <h3>{step.title}</h3>
              <p>{step.text}</p>
            </div>
            {!step.done && (
              <Button
                component={Link}
                to={step.to}
                size="xs"
                variant={step === next ? 'filled' : 'default'}
                rightSection={<ArrowRight size={14} />}
                aria-label={`${step.label}: ${step.title}`}
              >
                {step.label}
              </Button>
            )}
          </li>
        ))}
      </ol>
    </Panel>
  )
}

function Samples() {
  const { data = [] } = useSamples()
  if (data.length === 0) return null
  return (
    <Panel title="Try it with sample services" text="They run on this machine, so you need no account anywhere.">
      <ul className={classes.samples}>
        {data.map(({ pluginKey, title, description, page }) => (
          <li key={pluginKey}>
            <h3>{title}</h3>
            <p>{description}</p>
            <p className={classes.links}>
              <Anchor component={Link} to={`/plugins/${pluginKey}/manage`}>
                Use it with its plugin
              </Anchor>
              {page && (
                <Anchor href={page.url} target="_blank" rel="noreferrer">
                  {page.title} <ExternalLink size={12} aria-label="in a new tab" />
                </Anchor>
              )}
            </p>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
