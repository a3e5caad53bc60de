import { Button, Menu, Modal } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Badge, PluginImporter, type SlotContribution, useSlot } from '@tenon/react'
import { ChevronDown, FileSpreadsheet, Plus, ShieldCheck } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'react-router'
import { useMemberNames } from '../members/members.js'
import { useMay } from '../session/session.js'
import { EmptyState } from '../ui/EmptyState.js'
import { FailedState } from '../ui/FailedState.js'
import { PageHead } from '../ui/PageHead.js'
import { type Column, RegisterTable } from '../ui/RegisterTable.js'
import classes from '../ui/Table.module.css'
import { date } from '../ui/time.js'
import { useRegisterQuery } from '../ui/useRegisterQuery.js'
import { AddRisk } from './AddRisk.js'
import { type Risk, riskPageSize, useRefreshRisks, useRisks } from './risks.js'

type Importer = SlotContribution<'importers'>

/** Where installed plugins put their ways of adding risks. */
const slot = 'risks.actions'

export function RisksPage() {
  const [query, setQuery] = useRegisterQuery()
  const risks = useRisks(query)
  const names = useMemberNames()
  const mayAdd = useMay('Editor')
  const [adding, add] = useDisclosure(false)
  const [importing, setImporting] = useState<Importer>()
  const refresh = useRefreshRisks()
  const columns: Column<Risk>[] = [
    {
      title: 'Risk',
      cell: ({ risk_name, risk_description }) => (
        <>
          <span className={`${classes.strong} ${classes.lead}`}>{risk_name}</span>
          <span className={`${classes.clip} ${classes.quiet}`}>{risk_description}</span>
        </>
      ),
    },
    { title: 'Level', cell: ({ risk_level_autocalculated: level }) => (level ? <LevelBadge level={level} /> : '—') },
    { title: 'Lifecycle phase', cell: ({ ai_lifecycle_phase }) => ai_lifecycle_phase },
    {
      title: 'Owner',
      cell: ({ risk_owner }) => (risk_owner === null ? '—' : (names.get(risk_owner) ?? `Member ${risk_owner}`)),
    },
    { title: 'Mitigation', cell: ({ mitigation_status }) => mitigation_status ?? '—' },
    {
      title: 'Added',
      cell: ({ created_at }) => (created_at ? <span className={classes.whole}>{date(created_at)}</span> : '—'),
    },
  ]
  // Where there are none, the place of the register says what can be done.
  const isEmpty = risks.data?.total === 0 && query.q === '' && !risks.isPlaceholderData
  const actions = mayAdd && !isEmpty ? <AddButtons onAdd={add.open} onImport={setImporting} /> : null
  return (
    <>
      <PageHead title="Risks" text="What could go wrong with your AI systems, and what is done about it.">
        {actions}
      </PageHead>
      {risks.error && !risks.data ? (
        <FailedState title="The risks cannot be shown" error={risks.error} onRetry={() => void risks.refetch()} />
      ) : (
        <RegisterTable
          label="Risks"
          columns={columns}
          rows={risks.data?.items ?? []}
          total={risks.data?.total ?? 0}
          loading={risks.isPending}
          earlier={risks.isPlaceholderData}
          query={query}
          pageSize={riskPageSize}
          onQuery={setQuery}
          empty={<NoRisks mayAdd={mayAdd} onAdd={add.open} onImport={setImporting} />}
        />
      )}
      <Modal
        opened={adding}
        onClose={add.close}
        title="Add a risk"
        size="lg"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <AddRisk onDone={add.close} />
      </Modal>
      <Modal
        opened={importing !== undefined}
        onClose={() => setImporting(undefined)}
        title={importing?.contribution.title}
        size="xl"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {importing && (
          <PluginImporter
            plugin={importing.plugin}
            importer={importing.contribution}
            nameOf={(id) => names.get(id)}
            onClose={() => setImporting(undefined)}
            onImported={() => void refresh()}
            onUndone={() => void refresh()}
          />
        )}
      </Modal>
    </>
  )
}

function AddButtons({ onAdd, onImport }: { onAdd: () => void; onImport: (importer: Importer) => void }) {
  const { contributions } = useSlot(slot, 'importers')
  return (
    <>
      {contributions.length > 0 && (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default" rightSection={<ChevronDown size={15} />}>
              Import risks
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {contributions.map((importer) => (
              <Menu.Item
                key={`${importer.plugin.key}/${importer.contribution.id}`}
                leftSection={<FileSpreadsheet size={15} />}
                onClick={() => onImport(importer)}
              >
                {importer.contribution.title}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      <Button leftSection={<Plus size={15} />} onClick={onAdd}>
        Add a risk
      </Button>
    </>
  )
}

interface NoRisksProps {
  mayAdd: boolean
  onAdd: () => void
  onImport: (importer: Importer) => void
}

function NoRisks({ mayAdd, onAdd, onImport }: NoRisksProps) {
  const { contributions, candidates } = useSlot(slot, 'importers')
  const isAdmin = useMay('Admin')
  const [candidate] = candidates
  return (
    <EmptyState
      icon={ShieldCheck}
      title="No risks yet"
      text={mayAdd ? 'Add the first one, or bring those that you have in a file.' : 'Editors add risks here.'}
    >
      {mayAdd && (
        <Button leftSection={<Plus size={15} />} onClick={onAdd}>
          Add a risk
        </Button>
      )}
      {mayAdd &&
        contributions.map((importer) => (
          <Button key={importer.contribution.id} variant="default" onClick={() => onImport(importer)}>
            {importer.contribution.title}
          </Button>
        ))}
      {isAdmin && contributions.length === 0 && candidate && (
        <Button component={Link} variant="default" to={`/plugins/${candidate.key}/manage`}>
          Install {candidate.displayName}
        </Button>
      )}
    </EmptyState>
  )
}

function LevelBadge({ level }: { level: string }) {
  const tone = /high/i.test(level) ? 'bad' : /medium/i.test(level) ? 'warn' : 'good'
  return (
    <Badge tone={tone} icon={false}>
      {level}
    </Badge>
  )
}
