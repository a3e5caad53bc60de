import { Anchor } from '@mantine/core'
import { ErrorBoundary } from 'react-error-boundary'
import ReactMarkdown from 'react-markdown'
import rehypeSanitize, { defaultSchema } from 'rehype-sanitize'
import classes from './ManagementPage.module.css'

/** A stranger's pictures would tell the stranger who looks at them. */
const schema = { ...defaultSchema, tagNames: (defaultSchema.tagNames ?? []).filter((name) => name !== 'img') }

/** Reading more than this takes seconds, in which the page stands still. */
const mostCharacters = 20_000
/** Within a paragraph: signs that may stand in each other. */
const mostSigns = 1_000
/** A line in 20 lists and quotes, or as far to the right as that. */
const deepLine = /^(?: {60}|\t{15}|(?:[ \t]{0,4}(?:>|[*+-][ \t]|\d{1,9}[.)][ \t])){20})/m

/** Whether a text can be read as markdown in a moment, as all can that were written for people. */
function isReadable(text: string): boolean {
  if (text.length > mostCharacters || deepLine.test(text)) return false
  return text.split(/\n\s*\n/).every((paragraph) => (paragraph.match(/[*_[\]]/g) ?? []).length <= mostSigns)
}

/** Markdown of a publisher: formatting and links, nothing that runs or is fetched. What cannot be drawn so is text. */
export function Markdown({ text }: { text: string }) {
  const asText = <p className={classes.asWritten}>{text}</p>
  if (!isReadable(text)) return asText
  return (
    <ErrorBoundary key={text} fallback={asText}>
      <ReactMarkdown
        rehypePlugins={[[rehypeSanitize, schema]]}
        components={{
          a: ({ href, children }) => (
            <Anchor href={href} target="_blank" rel="noreferrer" inherit>
              {children}
            </Anchor>
          ),
          h1: 'h3',
          h2: 'h3',
        }}
      >
        {text}
      </ReactMarkdown>
    </ErrorBoundary>
  )
}
