/**
 * `options` for the host's own connections. Names resolve in pg_catalog and public only, so nothing that a plugin made
 * can stand in for them, and a view that a plugin made is not expanded.
 */
export const hostConnectionOptions = '-c search_path=pg_catalog,public -c restrict_nonsystem_relation_kind=view'
