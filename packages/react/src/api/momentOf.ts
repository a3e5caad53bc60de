/** "3 May 2026, 10:00", as the person's clock shows it; empty for what has not happened. */
export function momentOf(at: string | Date | null): string {
  return at === null ? '' : new Date(at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
}
