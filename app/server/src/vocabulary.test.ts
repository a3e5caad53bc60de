import { expect, it } from 'vitest'
import * as vocabulary from './vocabulary.js'

// These words are labels of enum types that plugins write: a letter more, and a row is refused.

it('has the seven phases of a lifecycle', () => {
  expect(vocabulary.aiLifecyclePhases).toEqual([
    'Problem definition & planning',
    'Data collection & processing',
    'Model development & training',
    'Model validation & testing',
    'Deployment & integration',
    'Monitoring & maintenance',
    'Decommissioning & retirement',
  ])
})

it('has five words of likelihood', () => {
  expect(vocabulary.likelihoods.join()).toBe('Rare,Unlikely,Possible,Likely,Almost Certain')
})

it('has five words of severity, the highest of which is another one after mitigation', () => {
  expect(vocabulary.severities.join()).toBe('Negligible,Minor,Moderate,Major,Catastrophic')
  expect(vocabulary.riskSeverities.join()).toBe('Negligible,Minor,Moderate,Major,Critical')
})

it('has six levels of risk, and five that a person states', () => {
  expect([...vocabulary.riskLevels].sort()).toEqual([
    'High risk',
    'Low risk',
    'Medium risk',
    'No risk',
    'Very high risk',
    'Very low risk',
  ])
  expect(vocabulary.currentRiskLevels.join()).toBe('Very Low risk,Low risk,Medium risk,High risk,Very high risk')
})

it('has seven states of a mitigation', () => {
  expect(vocabulary.mitigationStatuses.join()).toBe(
    'Not Started,In Progress,Completed,On Hold,Deferred,Canceled,Requires review',
  )
})

it('has fifteen categories of risk', () => {
  expect(vocabulary.riskCategories).toHaveLength(15)
  expect(vocabulary.riskCategories.map((category) => category.replace(/ risk$/, '')).join()).toBe(
    'Strategic,Operational,Compliance,Financial,Cybersecurity,Reputational,Legal,Technological,Third-party/vendor,' +
      'Environmental,Human resources,Geopolitical,Fraud,Data privacy,Health and safety',
  )
})
