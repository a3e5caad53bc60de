// The package's front door also opens its test kit, which needs a validator that makes code of text.
import Form from '@rjsf/core/lib/components/Form.js'
import { type ErrorSchema, ErrorSchemaBuilder, type RJSFSchema } from '@rjsf/utils'
import { type ReactNode, useId, useMemo, useRef } from 'react'
import type { FieldProblem } from '../api/ApiError.js'
import { templates } from './templates.js'
import { uiSchemaOf } from './uiSchema.js'
import { pathOf, validator } from './validator.js'
import { type FormContext, type NameOf, widgets } from './widgets.js'

export interface SchemaFormProps {
  /** JSON Schema 2020-12 of an object. */
  schema: Record<string, unknown>
  value: Record<string, unknown>
  onChange: (value: Record<string, unknown>) => void
  /** Called when the form is sent and nothing is wrong with it as far as can be seen here. */
  onSubmit: (value: Record<string, unknown>) => void
  /** What the server found wrong; shown at the fields. */
  problems?: readonly FieldProblem[] | undefined
  disabled?: boolean | undefined
  /** How people are called; without it nobody is named. */
  nameOf?: NameOf | undefined
  /** With it, a button elsewhere on the page can send the form. */
  id?: string | undefined
  /** The buttons. */
  children: ReactNode
}

/**
 * A form drawn from a JSON Schema: conditions show their fields only when they hold, secrets are never shown again.
 *
 * @example
 * const [value, setValue] = useState<Record<string, unknown>>({})
 * const schema = { type: 'object', properties: { url: { type: 'string', format: 'uri', title: 'Address' } } }
 * return (
 *   <SchemaForm schema={schema} value={value} onChange={setValue} onSubmit={toast}>
 *     <button type="submit">Save</button>
 *   </SchemaForm>
 * )
 * @since 0.1.0
 */
export function SchemaForm(props: SchemaFormProps) {
  const { schema, value, onChange, onSubmit, problems = [], disabled, nameOf, id, children } = props
  const prefix = `tn${useId().replace(/[^a-z0-9]/gi, '')}`
  const frame = useRef<HTMLDivElement>(null)
  const uiSchema = useMemo(() => uiSchemaOf(schema as RJSFSchema), [schema])
  const extraErrors = useMemo(() => errorsOf(problems), [problems])
  return (
    <div ref={frame}>
      <Form
        schema={schema as RJSFSchema}
        uiSchema={uiSchema}
        validator={validator}
        widgets={widgets}
        templates={templates}
        formData={value}
        id={id}
        idPrefix={prefix}
        extraErrors={extraErrors}
        formContext={{ nameOf } satisfies FormContext}
        disabled={disabled}
        showErrorList={false}
        noHtml5Validate
        focusOnFirstError={({ property = '' }) => focusField(frame.current, prefix, property)}
        onChange={({ formData }) => onChange((formData ?? {}) as Record<string, unknown>)}
        // Otherwise the library writes what is missing to the console.
        onError={() => undefined}
        onSubmit={({ formData }) => onSubmit((formData ?? {}) as Record<string, unknown>)}
      >
        {children}
      </Form>
    </div>
  )
}

function errorsOf(problems: readonly FieldProblem[]): ErrorSchema {
  const builder = new ErrorSchemaBuilder()
  for (const { field, message } of problems) builder.addErrors(sentence(message), pathOf(field))
  return builder.ErrorSchema
}

function sentence(message: string): string {
  return message === 'is required' ? 'This is needed' : `This ${message}`
}

/** Takes the person to a field, by its JSON pointer. */
export function focusField(frame: HTMLElement | null, prefix: string, pointer: string): void {
  const id = [prefix, ...pathOf(pointer)].join('_')
  const field = frame?.querySelector<HTMLElement>(`[id="${CSS.escape(id)}"], [name="${CSS.escape(id)}"]`)
  const target = field?.matches('input, textarea, select, button')
    ? field
    : field?.querySelector<HTMLElement>('input, button')
  target?.focus()
}
