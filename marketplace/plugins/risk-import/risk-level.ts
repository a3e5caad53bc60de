import { LIKELIHOOD_VALUES, type RiskLevel, SEVERITY_VALUES } from './enums'

/**
 * Likelihood counts once, severity three times, each from 1 to 5. Null when one of them is missing or not one of the
 * known words: a level that nobody can explain is worse than none.
 */
export function calculateRiskLevel(
  likelihood: string | null | undefined,
  severity: string | null | undefined,
): RiskLevel | null {
  const likelihoodRank = rankOf(LIKELIHOOD_VALUES, likelihood)
  const severityRank = rankOf(SEVERITY_VALUES, severity)
  if (likelihoodRank === 0 || severityRank === 0) return null
  const score = likelihoodRank + severityRank * 3
  if (score <= 4) return 'Very low risk'
  if (score <= 8) return 'Low risk'
  if (score <= 12) return 'Medium risk'
  if (score <= 16) return 'High risk'
  return 'Very high risk'
}

function rankOf(words: readonly string[], word: string | null | undefined): number {
  return words.indexOf(word ?? '') + 1
}
