import type { ReactNode } from 'react'
import { useTitle } from './useTitle.js'
import classes from './PageHead.module.css'

/** Name of a page, one sentence about it, and what can be done on it. */
export function PageHead({ title, text, children }: { title: string; text?: ReactNode; children?: ReactNode }) {
  useTitle(title)
  return (
    <header className={classes.head}>
      <div className={classes.words}>
        <h1>{title}</h1>
        {text ? <p>{text}</p> : null}
      </div>
      {children ? <div className={classes.actions}>{children}</div> : null}
    </header>
  )
}
