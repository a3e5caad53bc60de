import { Skeleton } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type Plugin, PluginCard, type PluginCardProps, usePluginInstallation } from '@tenon/react'
import { useLayoutEffect, useRef, useState } from 'react'
import classes from './PluginsPage.module.css'

interface CardGridProps {
  plugins: readonly Plugin[]
  cardOf: (plugin: Plugin) => Omit<PluginCardProps, 'plugin' | 'loading'>
}

const leastCardWidth = 264
const gap = 16
const usualRowHeight = 232

/** Cards in as many columns as there is room for. Only those near the screen exist, however many there are. */
export function CardGrid({ plugins, cardOf }: CardGridProps) {
  const { ref: sizeRef, width } = useElementSize()
  const listRef = useRef<HTMLDivElement>(null)
  const [offset, setOffset] = useState(0)
  const { isInstalling, isUninstalling } = usePluginInstallation()
  useLayoutEffect(() => {
    setOffset(listRef.current?.getBoundingClientRect().top ? listRef.current.offsetTop : 0)
  }, [width])

  const columns = Math.max(1, Math.floor((width + gap) / (leastCardWidth + gap)))
  const rows = useWindowVirtualizer({
    count: Math.ceil(plugins.length / columns),
    estimateSize: () => usualRowHeight,
    // Each row more is made anew with every letter of a search.
    overscan: 1,
    scrollMargin: offset,
  })
  return (
    <div ref={listRef}>
      <div ref={sizeRef} className={classes.grid} style={{ height: rows.getTotalSize() }}>
        {width > 0 &&
          rows.getVirtualItems().map(({ key, index, start }) => (
            <div
              key={key}
              ref={rows.measureElement}
              data-index={index}
              className={classes.row}
              style={{
                gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
                transform: `translateY(${start - rows.options.scrollMargin}px)`,
              }}
            >
              {plugins.slice(index * columns, (index + 1) * columns).map((plugin) => (
                <PluginCard
                  key={plugin.key}
                  plugin={plugin}
                  loading={
                    isInstalling(plugin.key) ||
                    (plugin.installationId !== undefined && isUninstalling(plugin.installationId))
                  }
                  {...cardOf(plugin)}
                />
              ))}
            </div>
          ))}
      </div>
    </div>
  )
}

const skeletonCount = 6

export function CardSkeletons() {
  return (
    <div className={classes.skeletons} role="status" aria-busy aria-label="Loading">
      {Array.from({ length: skeletonCount }, (_, index) => (
        <div key={index} className={classes.skeleton}>
          <Skeleton height={40} width={40} radius="md" />
          <Skeleton height={14} width="55%" />
          <Skeleton height={12} />
          <Skeleton height={12} width="80%" />
          <Skeleton height={28} width={90} mt={18} />
        </div>
      ))}
    </div>
  )
}
