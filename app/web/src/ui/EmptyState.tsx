import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import classes from './EmptyState.module.css'

interface EmptyStateProps {
  title: string
  text?: ReactNode
  icon?: LucideIcon
  /** What to do about it. */
  children?: ReactNode
  level?: 1 | 2
}

/** Says that there is nothing, why, and what to do next. */
export function EmptyState({ title, text, icon: Icon, children, level = 2 }: EmptyStateProps) {
  const Heading = level === 1 ? 'h1' : 'h2'
  return (
    <section className={classes.empty}>
      {Icon && (
        <span className={classes.sign} aria-hidden>
          <Icon size={22} strokeWidth={1.75} />
        </span>
      )}
      <Heading>{title}</Heading>
      {text ? <p>{text}</p> : null}
      {children ? <div className={classes.next}>{children}</div> : null}
    </section>
  )
}
