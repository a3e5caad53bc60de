import { likelihoods, type riskLevels, severities } from '../vocabulary.js'

/**
 * S148: likelihood counts once, severity three times, each from 1 to 5.
 *
 * @returns null when either is missing or unknown (C14).
 */
export function calculateRiskLevel(likelihood: unknown, severity: unknown): (typeof riskLevels)[number] | null {
  const likely = likelihoods.findIndex((word) => word === likelihood) + 1
  const severe = severities.findIndex((word) => word === severity) + 1
  if (likely === 0 || severe === 0) return null
  const score = likely + severe * 3
  if (score <= 4) return 'Very low risk'
  if (score <= 8) return 'Low risk'
  if (score <= 12) return 'Medium risk'
  if (score <= 16) return 'High risk'
  return 'Very high risk'
}
