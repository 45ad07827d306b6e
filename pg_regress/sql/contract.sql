-- What every object of quire promises.
-- every function of the interface has a comment
SELECT p.oid::regprocedure AS without_comment FROM pg_proc p
WHERE p.pronamespace = 'quire'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.relname AS without_comment FROM pg_class c
WHERE c.relnamespace = 'quire'::regnamespace AND c.relkind = 'v' AND obj_description(c.oid, 'pg_class') IS NULL;
-- no function may be called by PUBLIC
SELECT p.oid::regprocedure AS public_may_call FROM pg_proc p
WHERE p.pronamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND has_function_privilege('regress_outsider', p.oid, 'EXECUTE');
-- every function of the interface pins its search_path, pg_temp last, and belongs to quire_owner
SELECT p.oid::regprocedure AS unpinned FROM pg_proc p
WHERE (p.pronamespace = 'quire'::regnamespace OR p.pronamespace = 'quire_store'::regnamespace AND p.proname = 'readable_projects')
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE replace(c, ' ', '') = 'search_path=pg_catalog,pg_temp');
SELECT p.oid::regprocedure AS foreign_owner FROM pg_proc p
WHERE p.pronamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND p.proowner <> 'quire_owner'::regrole;
SELECT c.oid::regclass AS foreign_owner FROM pg_class c
WHERE c.relnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND c.relowner <> 'quire_owner'::regrole;
-- no function is SECURITY DEFINER: inside of one the calling role cannot be known, so functions switch roles themselves
SELECT p.oid::regprocedure AS definer FROM pg_proc p
WHERE p.pronamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND p.prosecdef;
-- and all are C functions, but for the one that reads a caller's table
SELECT p.proname AS not_in_rust FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'quire'::regnamespace AND l.lanname <> 'c';
-- quire_owner is no superuser, cannot log in and bypasses nothing
SELECT rolsuper, rolcanlogin, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = 'quire_owner';
-- every table is registered for pg_dump, keyed by project first, and has row level security; but the keys of tokens must
-- not be in a dump
SELECT c.relname AS not_dumped FROM pg_class c
WHERE c.relnamespace = 'quire_store'::regnamespace AND c.relkind IN ('r', 'S') AND c.relname !~ '^secret(_half_[1-4])?$'
  AND NOT c.oid = ANY (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'quire');
SELECT c.relname AS not_keyed_by_project FROM pg_class c
WHERE c.relnamespace = 'quire_store'::regnamespace AND c.relkind = 'r'
  AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                  WHERE i.indrelid = c.oid AND i.indisprimary AND a.attname = 'project_id');
SELECT c.relname AS without_rls FROM pg_class c
WHERE c.relnamespace = 'quire_store'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity;
SELECT c.relname AS forced_rls FROM pg_class c
WHERE c.relnamespace = 'quire_store'::regnamespace AND c.relkind = 'r' AND c.relforcerowsecurity;
-- every function that touches one project takes it first
SELECT p.proname AS not_project_first FROM pg_proc p
WHERE p.pronamespace = 'quire'::regnamespace AND COALESCE(p.proargnames[1], '') <> 'project_uuid' ORDER BY 1;
-- every writer takes a correlation_id
SELECT p.proname AS without_correlation FROM pg_proc p
WHERE p.pronamespace = 'quire'::regnamespace
  AND p.proname ~ '^(upsert|delete|move|bulk|commit|merge|restore|tag|import|resolve|revert|undo|redo|put|finish)(_|$)' AND p.proname NOT IN ('delete_project', 'delete_snapshot', 'restore_blob', 'import_project')
  AND NOT 'correlation_id' = ANY (p.proargnames);
-- no overloads
SELECT proname AS overloaded FROM pg_proc WHERE pronamespace = 'quire'::regnamespace GROUP BY proname HAVING count(*) > 1;
-- views run with the caller's rights, and nothing can be written through one
SELECT c.oid::regclass AS definer_view FROM pg_class c
WHERE c.relnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND c.relkind IN ('v', 'm')
  AND NOT 'security_invoker=true' = ANY (COALESCE(c.reloptions, '{}'));
SELECT c.oid::regclass AS updatable_view FROM pg_class c
WHERE c.relnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND c.relkind = 'v' AND pg_relation_is_updatable(c.oid, true) <> 0;
SELECT count(*) >= 9 AS views FROM pg_class c WHERE c.relnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND c.relkind = 'v';
\c - postgres
SELECT t.error('INSERT INTO quire.bundles (project_id) VALUES (NULL)'), t.error('UPDATE quire.bundles SET message = NULL'), t.error('DELETE FROM quire.bundles');
-- what is append-only is not truncated either
SELECT g.tgrelid::regclass AS append_only,
    EXISTS (SELECT FROM pg_trigger s WHERE s.tgrelid = g.tgrelid AND s.tgfoid = g.tgfoid AND s.tgtype = 2 | 32 AND s.tgenabled = 'O') AS guarded,
    t.error(format('TRUNCATE %s CASCADE', g.tgrelid::regclass)) AS truncated
FROM pg_trigger g WHERE g.tgfoid = 'quire_store.guard_append_only'::regproc AND g.tgtype & 1 = 1 ORDER BY g.tgrelid::regclass::text;
SELECT count(*) AS other_truncate_triggers FROM pg_trigger g
WHERE g.tgfoid = 'quire_store.guard_append_only'::regproc AND g.tgtype & 1 = 0
  AND NOT EXISTS (SELECT FROM pg_trigger r WHERE r.tgrelid = g.tgrelid AND r.tgfoid = g.tgfoid AND r.tgtype & 1 = 1);
-- the interface
\a
SELECT p.proname, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result, p.provolatile AS volatility
FROM pg_proc p WHERE p.pronamespace = 'quire'::regnamespace ORDER BY p.proname;
\a
-- the composite
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = (SELECT typrelid FROM pg_type WHERE oid = 'quire.project_file_head'::regtype) ORDER BY attnum;
