import type { ReactNode } from 'react'
import classes from './Panel.module.css'

/** A part of a page with a name of its own. */
export function Panel({ title, text, children }: { title: string; text?: string; children: ReactNode }) {
  return (
    <section className={classes.panel} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {text ? <p>{text}</p> : null}
      </header>
      {children}
    </section>
  )
}
