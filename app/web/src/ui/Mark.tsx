import classes from './Mark.module.css'

/** The name of the product with its sign. */
export function Mark() {
  return (
    <span className={classes.mark}>
      <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden>
        <rect width="32" height="32" rx="8" fill="#4f5bd5" />
        <path d="M8 8h16v6h-4v10h-8V14H8z" fill="#fff" />
      </svg>
      Tenon
    </span>
  )
}
