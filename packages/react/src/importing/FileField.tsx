import { Button } from '@mantine/core'
import { FileSpreadsheet, Upload, X } from 'lucide-react'
import { type DragEvent, useId, useState } from 'react'

interface FileFieldProps {
  file: File | undefined
  accept: readonly string[]
  onChoose: (file: File | undefined) => void
}

/** One file, chosen or dropped. */
export function FileField({ file, accept, onChoose }: FileFieldProps) {
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
