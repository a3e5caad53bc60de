import { expect, it } from 'vitest'
import { likelihoods, severities } from '../vocabulary.js'
import { calculateRiskLevel } from './risk-level.js'

it('spreads the 25 combinations as the seed does', () => {
  const levels = likelihoods.flatMap((likelihood) =>
    severities.map((severity) => calculateRiskLevel(likelihood, severity)),
  )
  const count = (level: string) => levels.filter((candidate) => candidate === level).length
  expect(['Very low risk', 'Low risk', 'Medium risk', 'High risk', 'Very high risk'].map(count)).toEqual([
    1, 6, 6, 7, 5,
  ])
})

it('knows no level where a word is missing or unknown', () => {
  expect(calculateRiskLevel('Rare', 'Critical')).toBeNull()
  expect(calculateRiskLevel(undefined, 'Minor')).toBeNull()
})
