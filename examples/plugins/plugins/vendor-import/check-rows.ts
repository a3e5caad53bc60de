/** The columns, from which template, check and table are made. */
export const columns = [
  { key: 'name', title: 'Name' },
  { key: 'due_date', title: 'Due date' },
  { key: 'amount', title: 'Amount' },
] as const

export interface Item extends Record<string, unknown> {
  name: string
  due_date: string | null
  amount: number | null
}

/** One thing that is wrong: the row as the spreadsheet shows it, the column, and a sentence. */
export interface RowError {
  row: number
  field: string
  message: string
}

/** Checks every row that has something in it, so that a person can correct all mistakes at once. Never throws. */
export function checkRows(rows: readonly unknown[]): { items: Item[]; errors: RowError[] } {
  const items: Item[] = []
  const errors: RowError[] = []
  rows.forEach((row, index) => {
    // The header is row 1.
    const number = index + 2
    const { name, due_date, amount } = textsOf(row)
    if (name + due_date + amount === '') return
    if (name === '') errors.push({ row: number, field: 'name', message: 'Name is required' })
    if (due_date !== '' && !isDay(due_date)) {
      errors.push({ row: number, field: 'due_date', message: 'Due date must be a day, written yyyy-mm-dd' })
    }
    if (amount !== '' && !Number.isFinite(Number(amount))) {
      errors.push({ row: number, field: 'amount', message: 'Amount must be a number' })
    }
    items.push({ name, due_date: due_date === '' ? null : due_date, amount: amount === '' ? null : Number(amount) })
  })
  return { items: errors.length > 0 ? [] : items, errors }
}

function textsOf(row: unknown): Record<(typeof columns)[number]['key'], string> {
  const given: Record<string, unknown> = typeof row === 'object' && row !== null ? { ...row } : {}
  const text = (key: string): string => {
    const value = given[key]
    return typeof value === 'string' || typeof value === 'number' ? String(value).split('\0').join('').trim() : ''
  }
  return { name: text('name'), due_date: text('due_date'), amount: text('amount') }
}

function isDay(text: string): boolean {
  const moment = new Date(`${text}T00:00:00Z`)
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(text)
}
