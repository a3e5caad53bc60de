import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { request } from '@tenon/react'
import type { RegisterQuery } from '../ui/useRegisterQuery.js'

export interface Risk {
  id: number
  risk_name: string
  risk_owner: number | null
  risk_description: string
  ai_lifecycle_phase: string
  likelihood: string
  severity: string
  risk_level_autocalculated: string | null
  mitigation_status: string | null
  created_at: string | null
}

export interface NewRisk {
  risk_name: string
  risk_description: string
  ai_lifecycle_phase: string
  likelihood: string
  severity: string
  risk_owner?: number | null
}

/** The words that a register of risks is written in. */
export const lifecyclePhases = [
  'Problem definition & planning',
  'Data collection & processing',
  'Model development & training',
  'Model validation & testing',
  'Deployment & integration',
  'Monitoring & maintenance',
  'Decommissioning & retirement',
]
export const likelihoods = ['Rare', 'Unlikely', 'Possible', 'Likely', 'Almost Certain']
export const severities = ['Negligible', 'Minor', 'Moderate', 'Major', 'Catastrophic']

export const riskPageSize = 25
const risksKey = ['risks']

export function useRisks(query: RegisterQuery) {
  return useQuery({
    queryKey: [...risksKey, query],
    queryFn: ({ signal }) =>
      request<{ items: Risk[]; total: number }>('/risks', { query: { ...query, pageSize: riskPageSize }, signal }),
    placeholderData: keepPreviousData,
  })
}

export function useRefreshRisks(): () => Promise<void> {
  const cache = useQueryClient()
  return () => cache.invalidateQueries({ queryKey: risksKey })
}

export function useAddRisk() {
  const refresh = useRefreshRisks()
  return useMutation({
    mutationFn: (risk: NewRisk) => request<Risk>('/risks', { method: 'POST', body: risk }),
    onSuccess: refresh,
  })
}
