// @vitest-environment jsdom
import { expect, it } from 'vitest'
import { setStage } from '../testing/stage.js'
import { ReleaseNotes } from './ReleaseNotes.js'

const stage = setStage()

it.each([
  '<img src=https://evil.example/pixel.gif onerror=alert(1)>',
  '<script>alert(1)</script>',
  '<style>* { display: none }</style><!-- x -->',
  '[click](javascript:alert(1)) ![seen](https://evil.example/pixel.gif)',
  '<svg onload=alert(1)><a id=config name=config href="data:text/html,x">x</a></svg>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe><form action="https://evil.example">',
])('what a publisher says is new is never more than text: %s', (note) => {
  stage.show(<ReleaseNotes releases={[{ version: '1.1.0', notes: [note], date: '2026-05-03' } as never]} />)
  const [item] = stage.page.querySelectorAll('ol.tn-releases ul > li')
  expect(item?.textContent).toBe(note)
  expect(item?.childElementCount).toBe(0)
})
