import { Link } from 'react-router'
import classes from './Tabs.module.css'

interface Tab {
  to: string
  label: string
  count?: number
  current: boolean
}

/** Pages of one kind beside each other. They are links, so that each has its address. */
export function Tabs({ label, tabs }: { label: string; tabs: Tab[] }) {
  return (
    <nav className={classes.tabs} aria-label={label}>
      {tabs.map(({ to, label: text, count, current }) => (
        <Link key={to} to={to} className={classes.tab} aria-current={current ? 'page' : undefined}>
          {text}
          {count === undefined ? null : <span>{count}</span>}
        </Link>
      ))}
    </nav>
  )
}
