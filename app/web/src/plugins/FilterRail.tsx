import { Button, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { type Plugin, useCategories } from '@tenon/react'
import { SlidersHorizontal } from 'lucide-react'
import { useMemo } from 'react'
import { type FilterOption, type Filters, needsOptions, statusOptions, trustOptions } from './filters.js'
import classes from './PluginsPage.module.css'

interface FilterRailProps {
  plugins: readonly Plugin[]
  filters: Filters
  onChange: (changes: Partial<Filters>) => void
}

/** Narrows the list by kind, state, trust and needs. On a small screen it opens on demand. */
export function FilterRail({ plugins, filters, onChange }: FilterRailProps) {
  const [opened, { toggle }] = useDisclosure(false)
  const categories = useCategories()
  const categoryOptions = useMemo(
    () =>
      (categories.data ?? []).map(({ id, name }): FilterOption => ({
        value: id,
        label: name,
        matches: ({ category }) => category === id,
      })),
    [categories.data],
  )
  const active = [filters.category, filters.status, filters.trust, filters.needs].filter(Boolean).length
  const group = (title: string, name: keyof Filters, options: FilterOption[]) => (
    <FilterGroup
      title={title}
      options={options}
      plugins={plugins}
      chosen={filters[name]}
      onChoose={(value) => onChange({ [name]: filters[name] === value ? '' : value })}
    />
  )
  return (
    <>
      <Button
        className={classes.railToggle}
        variant="default"
        size="xs"
        leftSection={<SlidersHorizontal size={15} />}
        aria-expanded={opened}
        onClick={toggle}
      >
        Filters{active > 0 ? ` (${active})` : ''}
      </Button>
      <div className={classes.rail} data-closed={!opened || undefined} role="group" aria-label="Filters">
        {group('Category', 'category', categoryOptions)}
        {group('Status', 'status', statusOptions)}
        {group('Trust', 'trust', trustOptions)}
        {group('Needs', 'needs', needsOptions)}
      </div>
    </>
  )
}

interface FilterGroupProps {
  title: string
  options: FilterOption[]
  plugins: readonly Plugin[]
  chosen: string
  onChoose: (value: string) => void
}

function FilterGroup({ title, options, plugins, chosen, onChoose }: FilterGroupProps) {
  // Thousands of plugins are counted when they change, not with each letter of the search.
  const all = useMemo(
    () => options.map((option) => ({ ...option, count: plugins.filter(option.matches).length })),
    [options, plugins],
  )
  const counted = all.filter(({ count, value }) => count > 0 || value === chosen)
  if (counted.length === 0) return null
  return (
    <section className={classes.group} aria-label={title}>
      <h2>{title}</h2>
      {counted.map(({ value, label, count }) => (
        <UnstyledButton
          key={value}
          className={classes.option}
          aria-pressed={chosen === value}
          onClick={() => onChoose(value)}
        >
          {label}
          <span>{count.toLocaleString('en')}</span>
        </UnstyledButton>
      ))}
    </section>
  )
}
