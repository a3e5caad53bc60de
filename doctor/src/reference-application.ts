import type { GroundApplication } from './ground.js'

/**
 * Organizations in the tables of the reference application. They stay `registering`, which no sign-in gets past; what a
 * killed run leaves behind is therefore removed by the next start of the server, as any abandoned registration is.
 */
export const referenceApplication: GroundApplication = {
  async found(pool, { organizationId, name, canary }) {
    await pool.query('INSERT INTO public.organizations (id, name) VALUES ($1, $2)', [
      organizationId,
      `tenon doctor: ${name} ${canary}`,
    ])
    const { rows } = await pool.query<{ id: number }>(
      `INSERT INTO public.users (name, surname, email, password_hash, role_id, organization_id, created_at)
       SELECT $1, $2, $3, $4, r.id, $5, now() FROM public.roles r WHERE r.name = 'Admin' RETURNING id`,
      [name, canary, `${canary}@doctor.example`, `no password ${canary}`, organizationId],
    )
    return rows[0]?.id ?? 0
  },
  async fill(pool, { schema, canary, userId }) {
    await pool.query(`
      INSERT INTO "${schema}".risks (risk_name, risk_description, ai_lifecycle_phase, likelihood, severity, risk_owner)
      VALUES ('${canary}', 'planted by the doctor', 'Model development & training', 'Rare', 'Minor', ${userId});
      INSERT INTO "${schema}".projects (project_title, start_date, goal) VALUES ('${canary}', now(), 'planted');
      INSERT INTO "${schema}".files (filename, content, source, type)
      SELECT '${canary}', convert_to('${canary}', 'UTF8'), (enum_range(NULL::public.enum_files_source))[1], 'text/plain'`)
  },
  async remove(pool, { organizationId }) {
    await pool.query('DELETE FROM public.organizations WHERE id = $1', [organizationId])
  },
}
