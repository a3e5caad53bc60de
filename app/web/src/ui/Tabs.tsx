import { useEffect, useRef } from 'react'
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
  const bar = useRef<HTMLElement>(null)
  // Tabs and counts that come later move the current one.
  const places = tabs.map(({ to, count, current }) => `${to} ${count} ${current}`).join()
  useEffect(() => {
    // On a narrow screen the current one may be out of sight; only the bar is moved, not the page.
    const tab = bar.current?.querySelector<HTMLElement>('[aria-current]')
    if (bar.current && tab) bar.current.scrollLeft = tab.offsetLeft - bar.current.offsetLeft - 24
  }, [places])
  return (
    <nav ref={bar} className={classes.tabs} aria-label={label}>
      {tabs.map(({ to, label: text, count, current }) => (
        <Link key={to} to={to} className={classes.tab} aria-current={current ? 'page' : undefined}>
          {text}
          {count === undefined ? null : <span>{count}</span>}
        </Link>
      ))}
    </nav>
  )
}
