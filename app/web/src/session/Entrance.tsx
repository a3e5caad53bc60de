import { Anchor } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { Mark } from '../ui/Mark.js'
import classes from './Entrance.module.css'

interface EntranceProps {
  title: string
  text: string
  children: ReactNode
  other: { question: string; label: string; to: string }
}

/** The page before the door: signing in and registering look alike. */
export function Entrance({ title, text, children, other }: EntranceProps) {
  return (
    <div className={classes.page}>
      <main className={classes.panel} id="main">
        <Mark />
        <header className={classes.heading}>
          <h1>{title}</h1>
          <p>{text}</p>
        </header>
        {children}
        <p className={classes.other}>
          {other.question}{' '}
          <Anchor component={Link} to={other.to} inherit underline="always">
            {other.label}
          </Anchor>
        </p>
      </main>
    </div>
  )
}
