import { Button, Input } from '@mantine/core'
import { FileSpreadsheet, Upload, X } from 'lucide-react'
import { type DragEvent, type RefObject, useId, useState } from 'react'

interface FileFieldProps {
  file: File | undefined
  accept: readonly string[]
  onChoose: (file: File | undefined) => void
  /** Why nothing can be done with it. */
  problem?: string | undefined
  ref?: RefObject<HTMLDivElement | null>
}

/** One file, chosen or dropped. */
export function FileField({ problem, ref, ...field }: FileFieldProps) {
  const id = useId()
  return (
    <div ref={ref} className="tn-file-field">
      <Field {...field} problemId={problem === undefined ? undefined : id} />
      {problem !== undefined && <Input.Error id={id}>{problem}</Input.Error>}
    </div>
  )
}

type FieldProps = Pick<FileFieldProps, 'file' | 'accept' | 'onChoose'> & { problemId: string | undefined }

function Field({ file, accept, onChoose, problemId }: FieldProps) {
  const id = useId()
  const [over, setOver] = useState(false)
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    onChoose(event.dataTransfer.files[0])
  }
  if (file) {
    return (
      <div className="tn-file">
        <FileSpreadsheet size={18} aria-hidden />
        <span>{file.name}</span>
        <span className="tn-quiet">{sizeOf(file.size)}</span>
        <Button
          variant="subtle"
          color="gray"
          size="compact-xs"
          aria-label={`Remove ${file.name}`}
          aria-describedby={problemId}
          onClick={() => onChoose(undefined)}
        >
          <X size={15} />
        </Button>
      </div>
    )
  }
  return (
    <label
      className="tn-drop"
      htmlFor={id}
      data-over={over || undefined}
      data-invalid={problemId !== undefined || undefined}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <input
        id={id}
        type="file"
        accept={accept.join(',')}
        aria-invalid={problemId !== undefined || undefined}
        aria-describedby={problemId}
        onChange={(event) => onChoose(event.currentTarget.files?.[0])}
      />
      <Upload size={20} aria-hidden />
      <span>
        <strong>Choose a file</strong> or drop it here
      </span>
      {accept.length > 0 && <span className="tn-quiet">{accept.join(', ')}</span>}
    </label>
  )
}

/** Bytes as people say them: `1 kB`, `3.2 MB`. */
function sizeOf(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.max(1, Math.round(bytes / 1_000))} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
