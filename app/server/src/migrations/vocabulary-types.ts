import type { PlatformMigration } from '@tenon/host'
import * as words from '../vocabulary.js'
import { quotedList } from './sql.js'

/** Plugins cast to these types by name, such as `::enum_projectrisks_risk_category[]`, so the names are part of the contract. */
const types: Record<string, readonly string[]> = {
  enum_projectrisks_ai_lifecycle_phase: words.aiLifecyclePhases,
  enum_projectrisks_risk_category: words.riskCategories,
  enum_projectrisks_likelihood: words.likelihoods,
  enum_projectrisks_severity: words.severities,
  enum_projectrisks_risk_level_autocalculated: words.riskLevels,
  enum_projectrisks_mitigation_status: words.mitigationStatuses,
  enum_projectrisks_current_risk_level: words.currentRiskLevels,
  enum_projectrisks_likelihood_mitigation: words.likelihoods,
  enum_projectrisks_risk_severity: words.riskSeverities,
  enum_model_inventories_status: words.modelStatuses,
  enum_files_source: words.fileSources,
  enum_projects_ai_risk_classification: words.projectRiskClassifications,
  enum_projects_type_of_high_risk_role: words.highRiskRoles,
  projects_status_enum: words.projectStatuses,
}

export const vocabularyTypesMigration: PlatformMigration = {
  name: '1002-vocabulary-types',
  async up(client) {
    const statements = Object.entries(types).map(
      ([name, values]) => `CREATE TYPE public.${name} AS ENUM (${quotedList(values)})`,
    )
    await client.query(statements.join(';\n'))
  },
  async down(client) {
    await client.query(
      `DROP TYPE ${Object.keys(types)
        .map((name) => `public.${name}`)
        .join(', ')}`,
    )
  },
}
