import { expect, it } from 'vitest'
import { peopleOf } from './people'

const ada = { id: 1, name: 'Ada', surname: 'Okafor', email: 'ada@one.example' }
const other = { id: 2, name: 'Ada', surname: 'Lind', email: 'ADA@one.example' }
const ben = { id: 3, name: 'Ben', surname: 'Lind', email: 'Ben@one.example' }

it('finds a person by an address in any case, and never takes one for another', () => {
  const people = peopleOf([ada, other, ben])
  expect(people.find('BEN@ONE.EXAMPLE')).toBe(ben)
  expect(people.find('ada@one.example')).toBe(ada)
  expect(people.find('ADA@one.example')).toBe(other)
  expect(people.find('Ada@One.Example')).toBeUndefined()
})
