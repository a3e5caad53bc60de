import { Anchor } from '@mantine/core'
import ReactMarkdown from 'react-markdown'
import rehypeSanitize, { defaultSchema } from 'rehype-sanitize'

/** A stranger's pictures would tell the stranger who looks at them. */
const schema = { ...defaultSchema, tagNames: (defaultSchema.tagNames ?? []).filter((name) => name !== 'img') }

/** Markdown of a publisher: formatting and links, nothing that runs or is fetched. */
export function Markdown({ text }: { text: string }) {
  return (
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
  )
}
