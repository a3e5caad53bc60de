import { Button, Pagination, Select } from '@mantine/core'
import { pageSizes } from './viewState.js'

interface ViewPagesProps {
  page: number
  /** What was asked for. */
  pageSize: number
  /** How many the plugin puts on a page, where it keeps to a number of its own. */
  served?: number | undefined
  total: number
  onPage: (page: number) => void
  /** Without it the size of a page is not offered. */
  onPageSize?: (pageSize: number) => void
}

/** Which of the rows are shown, and the way to the others. */
export function ViewPages({ page, pageSize, served = pageSize, total, onPage, onPageSize }: ViewPagesProps) {
  return (
    <footer className="tn-view-foot">
      <span className="tn-quiet" role="status">
        {rangeOf(page, served, total)}
        {served < pageSize && `. The plugin gives at most ${served.toLocaleString('en')} at once`}
      </span>
      {onPageSize && (
        <Select
          className="tn-page-size"
          size="xs"
          aria-label="Rows on a page"
          data={pageSizes.map((size) => ({ value: String(size), label: `${size.toLocaleString('en')} rows` }))}
          value={String(pageSize)}
          allowDeselect={false}
          onChange={(value) => onPageSize(Number(value))}
        />
      )}
      <Pagination
        size="sm"
        total={Math.max(1, Math.ceil(total / served))}
        value={page}
        onChange={onPage}
        getControlProps={(control) => ({ 'aria-label': `${control} page` })}
        getItemProps={(item) => ({ 'aria-label': `Page ${item}` })}
      />
    </footer>
  )
}

function rangeOf(page: number, pageSize: number, total: number): string {
  const from = (page - 1) * pageSize + 1
  const to = Math.min(page * pageSize, total)
  return `${from.toLocaleString('en')} to ${to.toLocaleString('en')} of ${total.toLocaleString('en')}`
}

/** Where an address leads to a page that there is not, or no longer. */
export function PastTheEnd({ page, onPage }: Pick<ViewPagesProps, 'page' | 'onPage'>) {
  return (
    <div className="tn-view-empty">
      <p>There is no page {page.toLocaleString('en')} of it.</p>
      <Button size="xs" variant="default" mt="sm" onClick={() => onPage(1)}>
        Go to the first page
      </Button>
    </div>
  )
}

/** Filters that leave nothing, and the way out of them. */
export function NothingFits({ onClear }: { onClear: () => void }) {
  return (
    <div className="tn-view-empty">
      <p>Nothing fits the filters.</p>
      <Button size="xs" variant="default" mt="sm" onClick={onClear}>
        Clear the filters
      </Button>
    </div>
  )
}
