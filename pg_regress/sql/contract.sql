-- What every object of quire promises.
-- every function of the interface has a comment
SELECT p.oid::regprocedure AS without_comment FROM pg_proc p
WHERE p.pronamespace = 'quire'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.relname AS without_comment FROM pg_class c
WHERE c.relnamespace = 'quire'::regnamespace AND c.relkind = 'v' AND obj_description(c.oid, 'pg_class') IS NULL;
-- no function may be called by PUBLIC
SELECT p.oid::regprocedure AS public_may_call FROM pg_proc p
WHERE p.pronamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND has_function_privilege('regress_outsider', p.oid, 'EXECUTE');
-- every function of the interface pins its search_path, pg_temp last; of an aggregate its functions do
SELECT p.oid::regprocedure AS unpinned FROM pg_proc p
WHERE (p.pronamespace = 'quire'::regnamespace OR p.pronamespace = 'quire_store'::regnamespace AND p.proname IN ('readable_projects', 'merge_docs')) AND p.prokind = 'f'
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE replace(c, ' ', '') = 'search_path=pg_catalog,pg_temp');
-- everything belongs to quire_owner, and no function is SECURITY DEFINER: inside of one the calling role cannot be known, so functions
-- switch roles themselves. But for the one that runs what is not quire's own: it is somebody's who has no rights in quire
SELECT p.oid::regprocedure AS for_another_role, p.proowner::regrole AS owner, p.prosecdef AS definer FROM pg_proc p
WHERE p.pronamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND (p.proowner <> 'quire_owner'::regrole OR p.prosecdef);
SELECT c.oid::regclass AS foreign_owner FROM pg_class c
WHERE c.relnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND c.relowner <> 'quire_owner'::regrole;
SELECT t.oid::regtype AS foreign_owner FROM pg_type t
WHERE t.typnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND t.typowner <> 'quire_owner'::regrole;
-- the schemas hold nothing but the extension's own
SELECT pg_describe_object(d.classid, d.objid, 0) AS no_member FROM pg_depend d
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND d.classid <> 'pg_extension'::regclass
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE (e.classid, e.objid, e.deptype) = (d.classid, d.objid, 'e') AND e.refclassid = 'pg_extension'::regclass);
-- and nobody has rights to any of it but these, of which guests and users have none to use the schema of the tables, nor to hand on
SELECT a.grantee::regrole AS grantee, o.kind, string_agg(DISTINCT a.privilege_type, ' ' ORDER BY a.privilege_type) AS privileges, bool_or(a.is_grantable) AS to_hand_on
FROM (SELECT CASE WHEN c.relnamespace = 'quire'::regnamespace THEN 'view' WHEN c.relkind = 'S' THEN 'sequence' ELSE 'stored' END AS kind, c.relacl AS acl
      FROM pg_class c WHERE c.relnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND c.relkind NOT IN ('i', 'c', 'I')
      UNION ALL SELECT 'column', x.attacl FROM pg_attribute x JOIN pg_class c ON c.oid = x.attrelid WHERE c.relnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace)
      UNION ALL SELECT 'function of ' || p.pronamespace::regnamespace, COALESCE(p.proacl, acldefault('f', p.proowner)) FROM pg_proc p WHERE p.pronamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace)
      UNION ALL SELECT 'type', COALESCE(y.typacl, acldefault('T', y.typowner)) FROM pg_type y WHERE y.oid IN ('quire.project_file_head'::regtype, 'quire."*/*"'::regtype)
      UNION ALL SELECT 'schema ' || n.nspname, n.nspacl FROM pg_namespace n WHERE n.nspname IN ('quire', 'quire_store')) AS o, aclexplode(o.acl) a
WHERE a.grantee <> 'quire_owner'::regrole AND NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = 'quire' AND n.nspowner = a.grantee)
GROUP BY 1, 2 ORDER BY a.grantee::regrole::text, 2;
-- and all are C functions, but for the one that reads a caller's table and an aggregate
SELECT p.proname AS not_in_rust FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'quire'::regnamespace AND l.lanname <> 'c' ORDER BY 1;
-- quire_owner and quire_sink are no superusers, cannot log in and bypass nothing; nobody is a member, nor are they of anything
SELECT rolname, rolsuper, rolcanlogin, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname IN ('quire_owner', 'quire_sink') ORDER BY 1;
SELECT roleid::regrole AS of, member::regrole FROM pg_auth_members WHERE 'quire_owner'::regrole IN (roleid, member) OR 'quire_sink'::regrole IN (roleid, member);
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
  AND NOT 'correlation_id' = ANY (p.proargnames) ORDER BY p.proname;
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
SELECT p.proname, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result, p.provolatile AS volatility
FROM pg_proc p WHERE p.pronamespace = 'quire'::regnamespace ORDER BY p.proname;
-- the composite
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = (SELECT typrelid FROM pg_type WHERE oid = 'quire.project_file_head'::regtype) ORDER BY attnum;
