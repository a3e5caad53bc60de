/** What Slack refuses in blocks, each with the place: `must be more than 0 characters [json-pointer:/blocks/0/text/text]`. */
type Check = (value: unknown, place: string) => string[]

/**
 * Looks at the blocks of a message by the rules of Slack's reference: text objects, headers, sections, contexts, dividers
 * and rich text in full, of the kinds that no plugin here sends only the type.
 */
export function problemsOfBlocks(blocks: unknown): string[] {
  return list(0, 50, block)(blocks, '/blocks')
}

const block: Check = (value, place) => byType(blockTypes)(value, place)

const problem = (message: string, place: string): string[] => [`${message} [json-pointer:${place}]`]

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function text(min: number, max: number): Check {
  return (value, place) => {
    if (typeof value !== 'string') return problem('must be a string', place)
    if (value.length < min) return problem(`must be more than ${min - 1} characters`, place)
    return value.length > max ? problem(`must be less than ${max + 1} characters`, place) : []
  }
}

const flag: Check = (value, place) => (typeof value === 'boolean' ? [] : problem('must be a boolean', place))

function list(min: number, max: number, item: Check): Check {
  return (value, place) => {
    if (!Array.isArray(value)) return problem('must be an array', place)
    if (value.length < min) return problem(`no less than ${min} items required`, place)
    if (value.length > max) return problem(`no more than ${max} items allowed`, place)
    return value.flatMap((one, index) => item(one, `${place}/${index}`))
  }
}

/** An object with these fields and no other; those that end with a question mark may be missing. */
function object(fields: Readonly<Record<string, Check>>): Check {
  const known = new Map(Object.entries(fields).map(([name, check]) => [name.replace('?', ''), check]))
  const required = Object.keys(fields).filter((name) => !name.endsWith('?'))
  return (value, place) => {
    if (!isObject(value)) return problem('must be an object', place)
    const missing = required
      .filter((name) => value[name] === undefined)
      .flatMap((name) => problem(`missing required field: ${name}`, place))
    const wrong = Object.entries(value).flatMap(([name, one]) => {
      const check = known.get(name)
      return check
        ? check(one, `${place}/${name}`)
        : problem(`invalid additional property: ${name}`, `${place}/${name}`)
    })
    return [...missing, ...wrong]
  }
}

const any: Check = () => []

/** An object whose `type` says what else it has. */
function byType(types: Readonly<Record<string, Check>>): Check {
  return (value, place) => {
    if (!isObject(value)) return problem('must be an object', place)
    const type = String(value.type)
    const check = Object.hasOwn(types, type) ? types[type] : undefined
    return check ? check(value, place) : problem(`unsupported type: ${type}`, `${place}/type`)
  }
}

const plainText = (max: number): Check => object({ type: any, text: text(1, max), 'emoji?': flag })
const mrkdwn = (max: number): Check => object({ type: any, text: text(1, max), 'verbatim?': flag })
const anyText = (max: number): Check => byType({ plain_text: plainText(max), mrkdwn: mrkdwn(max) })

const style = object({ 'bold?': flag, 'italic?': flag, 'strike?': flag, 'code?': flag, 'underline?': flag })

const richTextElement = byType({
  text: object({ type: any, text: text(1, Infinity), 'style?': style }),
  ...Object.fromEntries(
    ['broadcast', 'channel', 'color', 'date', 'emoji', 'link', 'team', 'user', 'usergroup'].map((type) => [type, any]),
  ),
})

const richTextElements = list(1, Infinity, richTextElement)
const richTextSection = object({ type: any, elements: richTextElements })

const richTextParts: Readonly<Record<string, Check>> = {
  rich_text_section: richTextSection,
  rich_text_quote: object({ type: any, elements: richTextElements, 'border?': any }),
  rich_text_preformatted: object({ type: any, elements: richTextElements, 'border?': any, 'language?': any }),
  rich_text_list: object({
    type: any,
    style: any,
    elements: list(1, Infinity, richTextSection),
    'indent?': any,
    'offset?': any,
    'border?': any,
  }),
}

const ofBlock = (fields: Readonly<Record<string, Check>>): Check =>
  object({ type: any, 'block_id?': text(0, 255), ...fields })

const section: Check = (value, place) => {
  const fields = {
    'text?': anyText(3_000),
    'fields?': list(1, 10, anyText(2_000)),
    'accessory?': any,
    'expand?': flag,
  }
  if (isObject(value) && value.text === undefined && value.fields === undefined) {
    return problem('missing required field: text', place)
  }
  return ofBlock(fields)(value, place)
}

const blockTypes: Readonly<Record<string, Check>> = {
  divider: ofBlock({}),
  header: ofBlock({ text: byType({ plain_text: plainText(150) }) }),
  section,
  context: ofBlock({
    elements: list(1, 10, byType({ plain_text: plainText(3_000), mrkdwn: mrkdwn(3_000), image: any })),
  }),
  rich_text: ofBlock({ elements: list(1, Infinity, byType(richTextParts)) }),
  ...Object.fromEntries(
    ['actions', 'context_actions', 'file', 'image', 'input', 'markdown', 'table', 'video'].map((type) => [type, any]),
  ),
}
