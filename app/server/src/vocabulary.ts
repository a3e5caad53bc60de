/** The words that the registers are kept in; the database's enum types and the API's schemas are made from them. */

export const aiLifecyclePhases = [
  'Problem definition & planning',
  'Data collection & processing',
  'Model development & training',
  'Model validation & testing',
  'Deployment & integration',
  'Monitoring & maintenance',
  'Decommissioning & retirement',
] as const

export const riskCategories = [
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

export const likelihoods = ['Rare', 'Unlikely', 'Possible', 'Likely', 'Almost Certain'] as const

export const severities = ['Negligible', 'Minor', 'Moderate', 'Major', 'Catastrophic'] as const

/** Of a risk after mitigation; the last word differs from {@link severities}. */
export const riskSeverities = ['Negligible', 'Minor', 'Moderate', 'Major', 'Critical'] as const

export const riskLevels = [
  'No risk',
  'Low risk',
  'Medium risk',
  'High risk',
  'Very high risk',
  'Very low risk',
] as const

/** What people enter as the level of a risk; "Very Low risk" is spelled so in the system that plugins were written for. */
export const currentRiskLevels = ['Very Low risk', 'Low risk', 'Medium risk', 'High risk', 'Very high risk'] as const

export const mitigationStatuses = [
  'Not Started',
  'In Progress',
  'Completed',
  'On Hold',
  'Deferred',
  'Canceled',
  'Requires review',
] as const

export const modelStatuses = ['Approved', 'Restricted', 'Pending', 'Blocked'] as const

export const projectStatuses = [
  'Not started',
  'In progress',
  'Under review',
  'Completed',
  'Closed',
  'On hold',
  'Rejected',
] as const

export const projectRiskClassifications = ['High risk', 'Limited risk', 'Minimal risk'] as const

export const highRiskRoles = [
  'Deployer',
  'Provider',
  'Distributor',
  'Importer',
  'Product manufacturer',
  'Authorized representative',
] as const

export const fileSources = [
  'Assessment tracker group',
  'Compliance tracker group',
  'Management system clauses group',
  'Main clauses group',
  'Reference controls group',
  'Annex controls group',
  'File Manager',
] as const
