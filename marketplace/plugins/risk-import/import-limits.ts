/** Rows of one import. They pass through in batches, so that this is about a person's patience, not about memory. */
export const MAX_ROWS = 100_000
/** Whoever has this many mistakes corrects the first ones and checks again. */
export const MAX_ERRORS = 1_000
/** Rows that are checked before they are written together. */
export const ROWS_PER_BATCH = 2_000
/** How long an import can be taken back. */
export const UNDO_DAYS = 7
