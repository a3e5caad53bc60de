import { connectFrame, type TenonFrame } from '@tenon/sdk/frame'
import './style.css'

// The board, and the risks behind one of its fields. No library is needed for so little; any would do.

interface Field {
  likelihood: string
  severity: string
}
type Counted = Field & { count: number }
interface Risk {
  id: number
  name: string
  description: string
}

const likelihoods = ['Almost Certain', 'Likely', 'Possible', 'Unlikely', 'Rare']
const severities = ['Negligible', 'Minor', 'Moderate', 'Major', 'Catastrophic']

const root = document.getElementById('root') as HTMLElement
let chosen: Field | undefined

function element(name: string, properties: Record<string, unknown> = {}, children: Node[] = []): HTMLElement {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

async function drawBoard(frame: TenonFrame): Promise<Node[]> {
  const counted = await frame.call<Counted[]>('GET /board')
  const countOf = (field: Field): number =>
    counted.find(({ likelihood, severity }) => likelihood === field.likelihood && severity === field.severity)?.count ??
    0
  const cells = likelihoods.flatMap((likelihood, row) => [
    element('span', { textContent: likelihood }),
    ...severities.map((severity, column) => {
      const count = countOf({ likelihood, severity })
      const field = element('button', {
        className: 'field',
        disabled: count === 0,
        textContent: count === 0 ? '' : String(count),
        ariaLabel: `${likelihood}, ${severity}: ${count}`,
        onclick: () => {
          chosen = { likelihood, severity }
          frame.navigate('risks')
        },
      })
      field.dataset.tone = toneOf(likelihoods.length - row, column + 1)
      return field
    }),
  ])
  const heads = ['', ...severities].map((severity) => element('span', { className: 'head', textContent: severity }))
  return [element('div', { className: 'board' }, [...heads, ...cells])]
}

async function drawRisks(frame: TenonFrame): Promise<Node[]> {
  const back = element('button', {
    className: 'back',
    textContent: 'Back to the board',
    onclick: () => frame.navigate('board'),
  })
  if (!chosen) return [back, element('p', { textContent: 'Choose a field of the board first.' })]
  const risks = await frame.call<Risk[]>('GET /risks/:likelihood/:severity', { params: { ...chosen } })
  const items = risks.map(({ name, description }) =>
    element('li', {}, [element('strong', { textContent: name }), element('p', { textContent: description })]),
  )
  const title = element('h3', { textContent: `${chosen.likelihood}, ${chosen.severity}` })
  return [back, title, element('ul', { className: 'risks' }, items)]
}

function toneOf(likelihood: number, severity: number): string {
  const product = likelihood * severity
  return product >= 12 ? 'bad' : product >= 5 ? 'busy' : 'good'
}

async function draw(frame: TenonFrame): Promise<void> {
  try {
    root.replaceChildren(...(await (frame.page === 'risks' ? drawRisks(frame) : drawBoard(frame))))
  } catch (error) {
    root.replaceChildren(element('p', { textContent: (error as Error).message }))
  }
}

const frame = await connectFrame()
frame.onPage(() => void draw(frame))
await draw(frame)
