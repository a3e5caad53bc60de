/* eslint-disable @typescript-eslint/no-unsafe-assignment -- the form library types the value of every field as any */
import {
  Button,
  Checkbox,
  Group,
  Input,
  MultiSelect,
  NumberInput,
  PasswordInput,
  Radio,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { type BaseInputTemplateProps, getInputProps, type RegistryWidgetsType, type WidgetProps } from '@rjsf/utils'
import type { MaskedSecret } from '@tenon/contract'
import { KeyRound } from 'lucide-react'
import { useState } from 'react'
import { dayOf } from '../api/dayOf.js'
import { isMasked } from './secrets.js'

/** What all fields show the same way. */
function shown({
  id,
  label,
  hideLabel,
  required,
  disabled,
  readonly,
  schema,
  rawErrors,
  placeholder,
  options,
}: WidgetProps) {
  const description = options.description ?? schema.description
  return {
    id,
    name: id,
    label: hideLabel ? undefined : label,
    'aria-label': hideLabel ? label : undefined,
    required,
    withAsterisk: false,
    disabled: disabled || readonly,
    description: typeof description === 'string' ? description : undefined,
    placeholder: placeholder || undefined,
    error: rawErrors?.length ? rawErrors[0] : undefined,
  }
}

export function BaseInput(props: BaseInputTemplateProps) {
  const { value, onChange, onBlur, onFocus, id, type, schema, options } = props
  const input = getInputProps(schema, type as string | undefined, options, false)
  if (input.type === 'number') return <NumberField {...props} />
  return (
    <TextInput
      {...shown(props)}
      type={input.type}
      inputMode={schema.format === 'uri' ? 'url' : undefined}
      autoComplete="off"
      spellCheck={false}
      value={typeof value === 'string' || typeof value === 'number' ? String(value) : ''}
      onChange={(event) => onChange(event.currentTarget.value === '' ? options.emptyValue : event.currentTarget.value)}
      onBlur={() => onBlur(id, value)}
      onFocus={() => onFocus(id, value)}
    />
  )
}

function NumberField(props: WidgetProps) {
  const { value, onChange, schema } = props
  return (
    <NumberInput
      {...shown(props)}
      value={typeof value === 'number' ? value : ''}
      allowDecimal={schema.type !== 'integer'}
      onChange={(next) => onChange(next === '' ? undefined : Number(next))}
    />
  )
}

export type NameOf = (userId: number) => string | undefined

/** What the fields of a form know of what is around it. */
export interface FormContext {
  nameOf?: NameOf | undefined
}

function whenSet({ setAt, setBy }: MaskedSecret, { nameOf }: FormContext): string {
  if (!setAt) return 'Set'
  const who = setBy === undefined ? undefined : nameOf?.(setBy)
  return `Set on ${dayOf(setAt)}${who ? ` by ${who}` : ''}`
}

/** A secret is never shown again: it can be entered, and later replaced or taken away. */
function SecretField(props: WidgetProps) {
  const { value, onChange, label, schema, id, disabled, readonly, registry } = props
  const [initial] = useState<unknown>(value)
  const removed = value === null
  const problem = props.rawErrors?.[0]
  const described = problem ? { 'aria-describedby': `${id}-problem`, 'data-problem': true } : {}
  if (isMasked(value) || (removed && isMasked(initial))) {
    return (
      <div className="tn-secret" role="group" aria-label={label}>
        <Text component="span" size="sm" fw={500}>
          {label}
        </Text>
        {schema.description ? <span className="tn-secret-help">{schema.description}</span> : null}
        <div className="tn-secret-state">
          <KeyRound size={16} aria-hidden />
          <span>{isMasked(value) ? whenSet(value, registry.formContext as FormContext) : 'Removed when you save'}</span>
          {!(disabled || readonly) && (
            <Group gap={4} wrap="nowrap">
              {removed ? (
                <Button id={id} size="compact-xs" variant="subtle" onClick={() => onChange(initial)} {...described}>
                  Keep
                </Button>
              ) : (
                <>
                  <Button
                    id={id}
                    size="compact-xs"
                    variant="subtle"
                    onClick={() => onChange('')}
                    aria-label={`Replace ${label}`}
                    {...described}
                  >
                    Replace
                  </Button>
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    onClick={() => onChange(null)}
                    aria-label={`Remove ${label}`}
                  >
                    Remove
                  </Button>
                </>
              )}
            </Group>
          )}
        </div>
        {problem && <Input.Error id={`${id}-problem`}>{problem}</Input.Error>}
      </div>
    )
  }
  return (
    <PasswordInput
      {...shown(props)}
      autoComplete="new-password"
      visibilityToggleButtonProps={{ 'aria-label': `Show ${label}` }}
      value={typeof value === 'string' ? value : ''}
      onChange={(event) =>
        onChange(event.currentTarget.value === '' && !isMasked(initial) ? undefined : event.currentTarget.value)
      }
      inputContainer={(input) =>
        isMasked(initial) ? (
          <Group gap="xs" wrap="nowrap" className="tn-secret-replace">
            <div>{input}</div>
            <Button variant="default" onClick={() => onChange(initial)}>
              Keep the old one
            </Button>
          </Group>
        ) : (
          input
        )
      }
    />
  )
}

function TextareaField(props: WidgetProps) {
  const { value, onChange, options } = props
  return (
    <Textarea
      {...shown(props)}
      autosize
      minRows={3}
      maxRows={12}
      value={typeof value === 'string' ? value : ''}
      onChange={(event) => onChange(event.currentTarget.value === '' ? options.emptyValue : event.currentTarget.value)}
    />
  )
}

/** Choices are known by their position, because their values may be anything. */
function choicesOf({ options }: WidgetProps) {
  return (options.enumOptions ?? []).map(({ label, value }, index) => ({
    label,
    key: String(index),
    value: value as unknown,
  }))
}

const fewChoices = 4

function SelectField(props: WidgetProps) {
  const { value, onChange, multiple, required } = props
  const choices = choicesOf(props)
  const data = choices.map(({ key, label }) => ({ value: key, label }))
  const valueAt = (key: string | null): unknown => choices.find((choice) => choice.key === key)?.value
  if (multiple) {
    const chosen = Array.isArray(value) ? (value as unknown[]) : []
    return (
      <MultiSelect
        {...shown(props)}
        data={data}
        value={choices.filter((choice) => chosen.includes(choice.value)).map(({ key }) => key)}
        onChange={(keys) => onChange(keys.map(valueAt))}
      />
    )
  }
  const current = choices.find((choice) => choice.value === value)?.key ?? null
  if (choices.length <= fewChoices) {
    const { placeholder: _placeholder, disabled, id, ...rest } = shown(props)
    return (
      <Radio.Group {...rest} id={id} value={current} onChange={(key) => onChange(valueAt(key))}>
        <Group gap="lg" mt={6}>
          {choices.map(({ key, label }) => (
            <Radio key={key} value={key} label={label} disabled={disabled} />
          ))}
        </Group>
      </Radio.Group>
    )
  }
  return (
    <Select
      {...shown(props)}
      data={data}
      value={current}
      clearable={!required}
      searchable={choices.length > 8}
      onChange={(key) => onChange(valueAt(key))}
    />
  )
}

function CheckboxField(props: WidgetProps) {
  const { value, onChange } = props
  const { placeholder: _placeholder, required: _required, withAsterisk: _asterisk, label, ...rest } = shown(props)
  return (
    <Checkbox
      {...rest}
      label={label ?? props.label}
      checked={value === true}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  )
}

function CheckboxesField(props: WidgetProps) {
  const { value, onChange } = props
  const choices = choicesOf(props)
  const chosen = Array.isArray(value) ? (value as unknown[]) : []
  const { placeholder: _placeholder, disabled, ...rest } = shown(props)
  return (
    <Checkbox.Group
      {...rest}
      value={choices.filter((choice) => chosen.includes(choice.value)).map(({ key }) => key)}
      onChange={(keys) => onChange(choices.filter(({ key }) => keys.includes(key)).map((choice) => choice.value))}
    >
      <Stack gap={8} mt={8}>
        {choices.map(({ key, label }) => (
          <Checkbox key={key} value={key} label={label} disabled={disabled} />
        ))}
      </Stack>
    </Checkbox.Group>
  )
}

export const widgets: RegistryWidgetsType = {
  PasswordWidget: SecretField,
  TextareaWidget: TextareaField,
  SelectWidget: SelectField,
  RadioWidget: SelectField,
  CheckboxWidget: CheckboxField,
  CheckboxesWidget: CheckboxesField,
  UpDownWidget: NumberField,
}
