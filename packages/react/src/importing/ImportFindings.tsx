import { Alert, Button, Table } from '@mantine/core'
import { countOf } from '@tenon/contract/count-of'
import { CircleCheck, Download, TriangleAlert } from 'lucide-react'
import { wordsOf } from '../api/wordsOf.js'
import { textOf } from '../views/Value.js'
import { type ImportResult, importableRows, mistakesIn } from './imports.js'

const shownErrors = 10
const shownRows = 5
const shownColumns = 4

export interface ImportMistakesProps {
  result: ImportResult
  /** Downloads the file with the mistakes marked. */
  onCorrections?: (() => void) | undefined
}

/** What has to be corrected, and what happens to the rows that are right. */
export function ImportMistakes({ result, onCorrections }: ImportMistakesProps) {
  const count = mistakesIn(result)
  return (
    <section className="tn-mistakes" aria-label="What is wrong">
      <Alert
        className="tn-note"
        data-tone="warn"
        icon={<TriangleAlert size={18} />}
        role="alert"
        title={`${countOf(count, 'cell has', 'cells have')} to be corrected`}
      >
        {whatHappens(result)}
        {onCorrections && (
          <div>
            <Button size="xs" mt="xs" variant="default" leftSection={<Download size={14} />} onClick={onCorrections}>
              Download the file with the mistakes marked
            </Button>
          </div>
        )}
      </Alert>
      <Mistakes result={result} />
    </section>
  )
}

function whatHappens(result: ImportResult): string {
  const imported = result.imported ?? 0
  const importable = importableRows(result) ?? 0
  if (imported > 0) return 'The rows with these mistakes were left out. Correct them and import them as well.'
  if (importable > 0) {
    return `${countOf(importable, 'row has', 'rows have')} no mistake and can be imported; the others are left out.`
  }
  return 'Nothing was imported. Correct the file and choose it again.'
}

function Mistakes({ result }: { result: ImportResult }) {
  const { errors = [] } = result
  const count = mistakesIn(result)
  return (
    <>
      <Table.ScrollContainer minWidth={420} className="tn-table-frame">
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Row</Table.Th>
              <Table.Th>Field</Table.Th>
              <Table.Th>What is wrong</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {errors.slice(0, shownErrors).map(({ row, field, column, message }, index) => (
              <Table.Tr key={index}>
                <Table.Td>{row}</Table.Td>
                <Table.Td>{column ?? wordsOf(field)}</Table.Td>
                <Table.Td>{message}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {count > shownErrors && (
        <p className="tn-quiet">
          The first {shownErrors} of {count.toLocaleString('en')}.
        </p>
      )}
    </>
  )
}

/** The first rows as they would be stored. */
export function ImportPreview({ result: { valid = 0, preview = [] } }: { result: ImportResult }) {
  const rows = preview.slice(0, shownRows)
  const columns = Object.keys(rows[0] ?? {})
    .filter((name) => rows.some((row) => row[name] !== null && typeof row[name] !== 'object'))
    .slice(0, shownColumns)
  return (
    <section className="tn-mistakes" aria-label="What is in the file">
      <Alert className="tn-note" data-tone="good" icon={<CircleCheck size={18} />} role="status">
        {countOf(valid, 'row is', 'rows are')} ready to be imported.
      </Alert>
      {rows.length > 0 && (
        <Table.ScrollContainer minWidth={420} className="tn-table-frame">
          <Table verticalSpacing={6}>
            <Table.Thead>
              <Table.Tr>
                {columns.map((name) => (
                  <Table.Th key={name}>{wordsOf(name)}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((row, index) => (
                <Table.Tr key={index}>
                  {columns.map((name) => (
                    <Table.Td key={name}>
                      <span className="tn-clip">{textOf(row[name])}</span>
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {valid > rows.length && (
        <p className="tn-quiet">
          The first {rows.length} of {valid.toLocaleString('en')}.
        </p>
      )}
    </section>
  )
}
