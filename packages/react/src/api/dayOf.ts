/** "28 Nov 2026" */
export function dayOf(at: string): string {
  return new Date(at).toLocaleDateString('en-GB', { dateStyle: 'medium' })
}
