import { Button, Fieldset, Stack } from '@mantine/core'
import type {
  ArrayFieldItemTemplateProps,
  ArrayFieldTemplateProps,
  FieldTemplateProps,
  ObjectFieldTemplateProps,
  TemplatesType,
} from '@rjsf/utils'
import { Plus, Trash2 } from 'lucide-react'
import { BaseInput } from './widgets.js'

/** A field says by itself how it is called and what is wrong with it. */
function Field({ children, hidden }: FieldTemplateProps) {
  return hidden ? <div hidden>{children}</div> : children
}

function ObjectField({ properties, title, description, fieldPathId }: ObjectFieldTemplateProps) {
  const fields = <Stack gap="md">{properties.map(({ content }) => content)}</Stack>
  if (fieldPathId.path.length === 0) return fields
  return (
    <Fieldset legend={title}>
      {description ? <p className="tn-quiet">{description}</p> : null}
      {fields}
    </Fieldset>
  )
}

function ListField({
  title,
  items,
  canAdd,
  onAddClick,
  schema,
  rawErrors,
  disabled,
  readonly,
}: ArrayFieldTemplateProps) {
  return (
    <Fieldset legend={title}>
      <Stack gap="sm">
        {schema.description ? <p className="tn-quiet">{schema.description}</p> : null}
        {items}
        {rawErrors?.length ? <p className="tn-field-error">{rawErrors[0]}</p> : null}
        {canAdd && !disabled && !readonly && (
          <div>
            <Button variant="default" size="xs" leftSection={<Plus size={14} />} onClick={onAddClick}>
              Add
            </Button>
          </div>
        )}
      </Stack>
    </Fieldset>
  )
}

function ListItem({ children, buttonsProps, index }: ArrayFieldItemTemplateProps) {
  return (
    <div className="tn-list-item">
      <div>{children}</div>
      {buttonsProps.hasRemove && (
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          aria-label={`Remove entry ${index + 1}`}
          onClick={buttonsProps.onRemoveItem}
        >
          <Trash2 size={15} />
        </Button>
      )}
    </div>
  )
}

export const templates: Partial<TemplatesType> = {
  FieldTemplate: Field,
  ObjectFieldTemplate: ObjectField,
  ArrayFieldTemplate: ListField,
  ArrayFieldItemTemplate: ListItem,
  BaseInputTemplate: BaseInput,
}
