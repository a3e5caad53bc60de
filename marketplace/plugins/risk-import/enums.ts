/** The words of a risk register. They are the labels of the database's enum types: a letter more and a row is refused. */

export const AI_LIFECYCLE_PHASES = [
  'Problem definition & planning',
  'Data collection & processing',
  'Model development & training',
  'Model validation & testing',
  'Deployment & integration',
  'Monitoring & maintenance',
  'Decommissioning & retirement',
] as const

export const LIKELIHOOD_VALUES = ['Rare', 'Unlikely', 'Possible', 'Likely', 'Almost Certain'] as const

export const SEVERITY_VALUES = ['Negligible', 'Minor', 'Moderate', 'Major', 'Catastrophic'] as const

/** Severity after mitigation; its highest word differs from that of {@link SEVERITY_VALUES}. */
export const RISK_SEVERITY_VALUES = ['Negligible', 'Minor', 'Moderate', 'Major', 'Critical'] as const

export const RISK_LEVEL_VALUES = [
  'No risk',
  'Very low risk',
  'Low risk',
  'Medium risk',
  'High risk',
  'Very high risk',
] as const

/** The same scale as a person states it: the database writes the lowest one with another letter. */
export const CURRENT_RISK_LEVEL_VALUES = [
  'Very Low risk',
  'Low risk',
  'Medium risk',
  'High risk',
  'Very high risk',
] as const

export const MITIGATION_STATUS_VALUES = [
  'Not Started',
  'In Progress',
  'Completed',
  'On Hold',
  'Deferred',
  'Canceled',
  'Requires review',
] as const

export const RISK_CATEGORY_VALUES = [
  'Strategic risk',
  'Operational risk',
  'Compliance risk',
  'Financial risk',
  'Cybersecurity risk',
  'Reputational risk',
  'Legal risk',
  'Technological risk',
  'Third-party/vendor risk',
  'Environmental risk',
  'Human resources risk',
  'Geopolitical risk',
  'Fraud risk',
  'Data privacy risk',
  'Health and safety risk',
] as const

export type RiskLevel = (typeof RISK_LEVEL_VALUES)[number]
