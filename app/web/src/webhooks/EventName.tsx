import { titleOfEvent, useEventTitles } from './webhooks.js'
import classes from './webhooks.module.css'

/** An event in plain words, with the name that programs know it by. */
export function EventName({ name }: { name: string }) {
  const title = titleOfEvent(name, useEventTitles())
  return (
    <>
      {title} <code className={classes.eventName}>{name}</code>
    </>
  )
}
