/** "3 May 2026, 10:00", as the person's clock shows it; empty for what has not happened. */
export function momentOf(at: string | Date | null): string {
  return at === null ? '' : new Date(at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
}

/** "3 May 2026": a day without a time, which is the same on every clock. */
export function dayOf(day: Date): string {
  return day.toLocaleDateString('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })
}
