-- Capability tokens. Their texts are random, so none is shown.
\c - postgres
CREATE SCHEMA regress_token;
GRANT USAGE ON SCHEMA regress_token TO PUBLIC;
CREATE FUNCTION regress_token.attempt(token text, statement text) RETURNS text LANGUAGE sql AS $$
    SELECT t.attempt(token, statement, '{needed_ability,file_path}') $$;
-- Everything that is told of a statement that fails.
CREATE FUNCTION regress_token.whole_error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state  text;
    msg    text;
    detail text;
    hint   text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT;
    RETURN format('%s | %s | %s | %s', state, msg, detail, hint);
END
$$;
CREATE FUNCTION regress_token.bytes(token text) RETURNS bytea IMMUTABLE LANGUAGE sql AS $$
    SELECT decode(rpad(b, (length(b) + 3) / 4 * 4, '='), 'base64') FROM translate(split_part(token, '.', 2), '-_', '+/') b
$$;
CREATE FUNCTION regress_token.text(bytes bytea) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT 'quire1.' || rtrim(translate(encode(bytes, 'base64'), E'+/\n', '-_'), '=')
$$;

-- From minting to revoking ------------------------------------------------------------------------------------------
\c - regress_alice
SELECT quire.create_project('tokens', t.id(2100)) IS NOT NULL AS created;
SELECT quire.create_project('another', t.id(2101)) IS NOT NULL AS created;
SELECT quire.create_project('open', t.id(2102), 'public') IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(2100), t.actor('bob'), 'editor') ->> 'role' AS role;
SELECT version FROM quire.upsert_project_file(t.id(2100), 'src/a', E'one\ntwo\n');
SELECT version FROM quire.upsert_project_file(t.id(2100), 'docs/b', 'b');
SELECT version FROM quire.upsert_project_file(t.id(2101), 'secret', 's');
SELECT version FROM quire.upsert_project_file(t.id(2102), 'open', 'o');
SELECT quire.mint_token(t.id(2100), '{project:read,file:write:src/**}', '1 hour') AS token \gset
SELECT :'token' LIKE 'quire1.%' AS is_token, length(:'token') < 600 AS is_short;
SELECT quire.attenuate_token(:'token', '{file:write:src/a/**}', '10 minutes') AS narrowed \gset
SELECT abilities, audience, max_uses, uses, minted_by = t.actor('alice') AS by_alice, minted_at <= clock_timestamp() AS minted,
    expires_at - minted_at BETWEEN '59 minutes' AND '1 hour' AS an_hour, revoked_at, status
FROM quire.list_tokens(t.id(2100));
SELECT token_id FROM quire.list_tokens(t.id(2100)) \gset
\c - regress_guest
BEGIN;
SELECT answer ->> 'project_id' AS project_id, answer ->> 'token_id' = :'token_id' AS same_id, answer ->> 'actor_id' AS actor_id,
    answer -> 'abilities' AS abilities, (answer ->> 'expires_at')::timestamptz > now() AS expires_later,
    (SELECT array_agg(key ORDER BY key) FROM jsonb_object_keys(answer) key) AS members
FROM quire.authenticate(:'token') answer;
SELECT quire.whoami();
SELECT content FROM quire.read_project_file(t.id(2100), 'src/a');
SELECT version, seq FROM quire.upsert_project_file(t.id(2100), 'src/by-token', 'x');
COMMIT;
BEGIN;
SELECT quire.authenticate(:'narrowed') -> 'abilities' AS abilities;
SELECT t.error($$SELECT quire.read_project_file(t.id(2100), 'src/a')$$);
COMMIT;
-- it is the maker who is said to have written
\c - regress_bob
SELECT actor = t.actor('alice') AS by_alice FROM quire.project_file_history(t.id(2100), 'src/by-token');
-- another member sees neither the list nor the token
SELECT count(*) FROM quire.list_tokens(t.id(2100));
SELECT t.error(format('SELECT quire.revoke_token(t.id(2100), %L)', :'token_id'));
\c - regress_alice
SELECT quire.revoke_token(t.id(2100), :'token_id') AS first \gset
SELECT quire.revoke_token(t.id(2100), :'token_id') = :'first' AS same_time;
SELECT revoked_at = :'first' AS same_time, status FROM quire.list_tokens(t.id(2100));
\c - regress_guest
SELECT t.error(format('SELECT quire.authenticate(%L)', :'token'));
-- and with it everything that was narrowed from it, before and after
SELECT t.error(format('SELECT quire.authenticate(%L)', :'narrowed'));
SELECT quire.attenuate_token(:'token', '{project:read}', '10 minutes') AS later \gset
SELECT t.error(format('SELECT quire.authenticate(%L)', :'later'));

-- Arguments ---------------------------------------------------------------------------------------------------------
\c - regress_alice
SELECT t.error($$SELECT quire.mint_token(NULL, '{project:read}', '1 hour')$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), NULL, '1 hour')$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), '{project:read}', NULL)$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), ARRAY['project:read', NULL], '1 hour')$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), '{}', '1 hour')$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), array_fill('project:read'::text, ARRAY[65]), '1 hour')$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), array_fill(NULL::text, ARRAY[40000000]), '1 hour')$$);
SELECT t.error($$SELECT quire.attenuate_token('x', array_fill(NULL::text, ARRAY[40000000]), '1 hour')$$);
SELECT quire.authenticate(quire.mint_token(t.id(2100), '[3:4][0:0]={{project:read},{events:read}}', '1 hour')) -> 'abilities' AS abilities;
SELECT ability, t.error(format('SELECT quire.mint_token(t.id(2100), ARRAY[%L], ''1 hour'')', ability))
FROM unnest(ARRAY['', 'read', 'Project:read', 'project:read:', 'project:*', 'snapshot:read:1', 'file:write:', 'file:write:a[',
    'file:read', 'events:write', '*']) ability;
SELECT t.error(format('SELECT quire.mint_token(t.id(2100), ARRAY[%L], ''1 hour'')', 'file:write:' || repeat('a', 1100)));
SELECT t.error(format('SELECT quire.mint_token(t.id(2100), ARRAY[%L], ''1 hour'')', 'file:write:' || repeat('a', 1200)));
SELECT t.error($$SELECT quire.mint_token(t.id(2100), (SELECT array_agg('file:write:' || n || repeat('a', 1000)) FROM generate_series(1, 9) n), '1 hour')$$);
SELECT ttl, t.error(format('SELECT quire.mint_token(t.id(2100), ''{project:read}'', %L)', ttl))
FROM unnest(ARRAY['0', '-1 second', '366 days', '366 days 00:00:00.000001', '178000000 years', '-178000000 years']) ttl;
SELECT t.error($$SELECT quire.mint_token(t.id(2100), '{project:read}', '1 hour', '')$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), '{project:read}', '1 hour', repeat('a', 64))$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), '{project:read}', '1 hour', max_uses => 0)$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), '{project:read}', '1 hour', max_uses => -1)$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), '{project:read}', '1 hour', max_uses => 2147483647)$$);
SELECT t.error($$SELECT quire.mint_token(t.id(999999), '{project:read}', '1 hour')$$);
SELECT t.error($$SELECT quire.attenuate_token(NULL, '{project:read}', '1 hour')$$);
SELECT t.error(format($$SELECT quire.attenuate_token(%L, NULL, '1 hour')$$, :'token'));
SELECT t.error(format($$SELECT quire.attenuate_token(%L, '{project:read}', NULL)$$, :'token'));
SELECT t.error(format($$SELECT quire.attenuate_token(%L, '{NULL}', '1 hour')$$, :'token'));
SELECT t.error(format($$SELECT quire.attenuate_token(%L, '{project:read}', '0')$$, :'token'));
SELECT t.error($$SELECT quire.attenuate_token('quire1.', '{project:read}', '1 hour')$$);
SELECT t.error($$SELECT quire.authenticate(NULL)$$);
SELECT t.error(format('SELECT quire.revoke_token(NULL, %L)', :'token_id'));
SELECT t.error($$SELECT quire.revoke_token(t.id(2100), NULL)$$);
SELECT t.error($$SELECT quire.revoke_token(t.id(2100), t.id(1))$$);
SELECT t.error(format('SELECT quire.revoke_token(t.id(2101), %L)', :'token_id'));
SELECT cid, t.error(format('SELECT quire.revoke_ucan(t.id(2100), %L)', cid)) FROM unnest(ARRAY[NULL, '', 'x', 'bafkreibvv43zt5dfzwr5ejms3oeb5rkazufzkvqs6v3izwwlj64jmrchc',
    'BAFKREIBVV43ZT5DFZWR5EJMS3OEB5RKAZUFZKVQS6V3IZWWLJ64JMRCHCI', 'bafkr4icyq2ikdjxba7bytuxjjgxfhouzdbwutrqio77cb5logrg7osnsli', 'bafkreibvv43zt5dfzwr5ejms3oeb5rkazufzkvqs6v3izwwlj64jmrchci']) cid;
SELECT t.error($$SELECT quire.revoke_ucan(NULL, 'x')$$);
SELECT t.error($$SELECT quire.revoke_ucan(t.id(999999), 'x')$$);
-- JWTs that are no UCAN of a project here; e2e ucans has those that are
SELECT t.error('SELECT quire.authenticate(''eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJ4IjoxfQ.AAAA'')'), t.error('SELECT quire.authenticate(''eyJ.x.'', ''{x}'')'),
    t.error('SELECT quire.authenticate(''eyJ.x.'' || repeat(''x'', 9000))');
SELECT t.error($$SELECT quire.list_tokens(NULL)$$);
SELECT t.error($$SELECT quire.list_tokens(t.id(999999))$$);

-- Who may mint, revoke and list -------------------------------------------------------------------------------------
\c - regress_carol
SELECT t.error($$SELECT quire.mint_token(t.id(2100), '{project:read}', '1 hour')$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2102), '{project:read}', '1 hour')$$);
SELECT t.error($$SELECT quire.list_tokens(t.id(2100))$$);
SELECT t.error($$SELECT quire.list_tokens(t.id(2102))$$);
SELECT t.error(format('SELECT quire.revoke_token(t.id(2100), %L)', :'token_id'));
SELECT t.error($$SELECT quire.rotate_secret()$$);
SELECT t.error($$SELECT quire.revoke_ucan(t.id(2100), 'x')$$), t.error($$SELECT quire.revoke_ucan(t.id(2102), 'x')$$);
\c - regress_outsider
SELECT t.error($$SELECT quire.mint_token(t.id(2102), '{project:read}', '1 hour')$$);
SELECT t.error(format('SELECT quire.authenticate(%L)', :'token'));
SELECT t.error(format($$SELECT quire.attenuate_token(%L, '{project:read}', '1 hour')$$, :'token'));
-- a viewer gives away reading only; a token cannot make another one
\c - regress_alice
SELECT quire.set_project_member(t.id(2100), t.actor('bob'), 'viewer') ->> 'role' AS role;
\c - regress_bob
SELECT t.error($$SELECT quire.mint_token(t.id(2100), '{project:read,file:write}', '1 hour')$$);
SELECT t.error($$SELECT quire.mint_token(t.id(2100), '{file:write:src/**}', '1 hour')$$);
SELECT quire.mint_token(t.id(2100), '{project:read,events:read,snapshot:read}', '1 hour') AS of_bob \gset
SELECT abilities, status FROM quire.list_tokens(t.id(2100));
SELECT regress_token.attempt(:'of_bob', $$SELECT quire.mint_token(t.id(2100), '{project:read}', '1 hour')$$);
-- an owner lists and revokes everybody's
\c - regress_alice
SELECT token_id AS id_of_bob FROM quire.list_tokens(t.id(2100)) WHERE minted_by = t.actor('bob') \gset
SELECT quire.revoke_token(t.id(2100), :'id_of_bob') IS NOT NULL AS revoked;
\c - regress_bob
SELECT status FROM quire.list_tokens(t.id(2100));
SELECT regress_token.attempt(:'of_bob', 'SELECT');

-- Each ability against each function --------------------------------------------------------------------------------
\c - postgres
CREATE TABLE regress_token.call AS SELECT * FROM t.call;
INSERT INTO regress_token.call VALUES
    ('whoami', 'SELECT quire.whoami()'),
    ('create_project', 'SELECT quire.create_project(''new'')'),
    ('list_projects', 'SELECT * FROM quire.list_projects()'),
    ('automerge_apply', 'SELECT quire.automerge_apply('''', ''{}'')'),
    ('automerge_changes', 'SELECT quire.automerge_changes('''')'),
    ('automerge_conflicts', 'SELECT quire.automerge_conflicts('''')'),
    ('automerge_diff', 'SELECT quire.automerge_diff('''')'),
    ('automerge_from_json', 'SELECT quire.automerge_from_json(''{}'')'),
    ('automerge_heads', 'SELECT quire.automerge_heads('''')'),
    ('automerge_merge', 'SELECT quire.automerge_merge('''', '''')'),
    ('automerge_merge_agg', 'SELECT quire.automerge_merge_agg('''')'),
    ('automerge_to_json', 'SELECT quire.automerge_to_json('''')'),
    ('delete_project', 'SELECT quire.delete_project(%s, ''tokens'')'),
    ('delete_project_member', 'SELECT quire.delete_project_member(%s, t.actor(''alice''))'),
    ('upsert_project_file', 'SELECT quire.upsert_project_file(%s, ''src/a'', ''x'')'),
    ('upsert_project_file_bytes', 'SELECT quire.upsert_project_file_bytes(%s, ''src/a'', ''x'')'),
    ('delete_project_file', 'SELECT quire.delete_project_file(%s, ''src/a'')'),
    ('move_project_file', 'SELECT quire.move_project_file(%s, ''src/a'', ''src/z'')'),
    ('bulk_upsert_project_files', 'SELECT quire.bulk_upsert_project_files(%s, ''[{"file_path": "src/a", "content": "x"}]'')'),
    ('bulk_delete_project_files', 'SELECT quire.bulk_delete_project_files(%s, ''{src/a}'')'),
    ('commit_bundle', 'SELECT quire.commit_bundle(%s, ''[{"op": "file.delete", "file_path": "src/a"}]'')'),
    ('merge_project_file', 'SELECT quire.merge_project_file(%s, ''src/a'', ''x'', 1)'),
    ('restore_project_file', 'SELECT quire.restore_project_file(%s, ''src/a'', 1)'),
    ('restore_project', 'SELECT quire.restore_project(%s, 2)'),
    ('read_project_file', 'SELECT * FROM quire.read_project_file(%s, ''src/a'')'),
    ('read_project_file_bytes', 'SELECT quire.read_project_file_bytes(%s, ''src/a'')'),
    ('project_file_history', 'SELECT * FROM quire.project_file_history(%s, ''src/a'')'),
    ('diff_project_file', 'SELECT quire.diff_project_file(%s, ''src/a'', 0, 1)'),
    ('import_legacy_files', 'SELECT quire.import_legacy_files(%s, ''regress_token.legacy'', ''p'', ''c'')'),
    ('map_role_to_actor', 'SELECT quire.map_role_to_actor(''regress_guest'')'),
    ('unmap_role', 'SELECT quire.unmap_role(''regress_guest'')'),
    ('list_actors', 'SELECT * FROM quire.list_actors()'),
    ('set_display_name', 'SELECT quire.set_display_name(''x'')'),
    ('rotate_secret', 'SELECT quire.rotate_secret()'),
    ('get_snapshot_manifest', 'SELECT quire.get_snapshot_manifest(%s, (SELECT id FROM regress_token.snapshot))'),
    ('read_snapshot', 'SELECT quire.read_snapshot(%s, (SELECT id FROM regress_token.snapshot))'),
    ('read_snapshot_chunk', 'SELECT quire.read_snapshot_chunk(%s, (SELECT id FROM regress_token.snapshot), 1)'),
    ('verify_snapshot', 'SELECT quire.verify_snapshot(%s, (SELECT id FROM regress_token.snapshot))'),
    ('delete_snapshot', 'SELECT quire.delete_snapshot(%s, (SELECT id FROM regress_token.snapshot))'),
    ('restore_snapshot', 'SELECT quire.restore_snapshot(%s, (SELECT archive FROM regress_token.snapshot))'),
    ('import_project', 'SELECT quire.import_project((SELECT archive FROM regress_token.snapshot))'),
    ('import_from_library', 'SELECT quire.import_from_library(%s, t.id(2102), ''{src/a}'')'),
    ('keep_channel', 'SELECT quire.keep_channel(%s, (SELECT channel FROM regress_token.snapshot))'),
    ('export_doc', 'SELECT quire.export_doc(%s, ''d'')'),
    ('import_doc', 'SELECT quire.import_doc(%s, ''d'', t.first_change())'),
    ('pack_docs', 'SELECT quire.pack_docs(%s)'),
    ('create_branch', 'SELECT quire.create_branch(%s, ''b'')'),
    ('list_branches', 'SELECT * FROM quire.list_branches(%s)'),
    ('get_branch', 'SELECT quire.get_branch(%s, ''main'')'),
    ('diff_branches', 'SELECT * FROM quire.diff_branches(%s, ''draft'')'),
    ('merge_branch', 'SELECT quire.merge_branch(%s, ''draft'')'),
    ('close_branch', 'SELECT quire.close_branch(%s, ''draft'')'),
    ('delete_branch', 'SELECT quire.delete_branch(%s, ''draft'')');
-- What these are called with: a snapshot, its archive, a channel.
CREATE TABLE regress_token.snapshot (id uuid, archive bytea, channel text);
CREATE TABLE regress_token.legacy (p text, c text);
INSERT INTO regress_token.legacy VALUES ('src/imported', 'x');
-- Texts of tokens by what they allow, readable for everybody: this is a test.
CREATE TABLE regress_token.held (name text, token text);
CREATE FUNCTION regress_token.matrix() RETURNS TABLE (f text, allowed text, otherwise text) LANGUAGE sql AS $$
    SELECT c.f, string_agg(h.name, ' ' ORDER BY h.name) FILTER (WHERE a = 'ok'),
        string_agg(DISTINCT a, '; ') FILTER (WHERE a <> 'ok')
    FROM regress_token.call c, regress_token.held h, regress_token.attempt(h.token, format(c.statement, 't.id(2100)')) a
    GROUP BY c.f ORDER BY c.f
$$;
CREATE TABLE regress_token.seen (who text, f text, allowed text, otherwise text);
GRANT ALL ON regress_token.call, regress_token.snapshot, regress_token.legacy, regress_token.held, regress_token.seen TO PUBLIC;
-- the list is complete, but for those that take a token themselves
SELECT proname FROM pg_proc WHERE pronamespace = 'quire'::regnamespace
    AND proname NOT IN ('authenticate', 'attenuate_token', 'download_snapshot')
EXCEPT SELECT f FROM regress_token.call;
\c - regress_alice
SELECT quire.create_subscription(t.id(2100), 'of alice');
SELECT quire.put_doc(t.id(2100), 'd', '{"a": 0, "t": "t"}') ->> 'applied' AS applied;
SELECT quire.create_branch(t.id(2100), 'draft') -> 'ops' -> 0 ->> 'status' AS status;
INSERT INTO regress_token.snapshot
SELECT id, quire.read_snapshot(t.id(2100), id), quire.open_channel(t.id(2100))
FROM (SELECT (quire.create_project_snapshot(t.id(2100)) ->> 'snapshot_id')::uuid AS id) made;
INSERT INTO regress_token.held
SELECT name, quire.mint_token(t.id(2100), abilities::text[], '1 hour')
FROM (VALUES ('read', '{project:read}'), ('events', '{events:read}'), ('snapshots', '{snapshot:read}'),
    ('snapshot_other', '{snapshot:read:00000000-0000-4000-8000-000000000001}'),
    ('snapshot', (SELECT format('{snapshot:read:%s}', id) FROM regress_token.snapshot)), ('write', '{file:write}'), ('write_src', '{file:write:src/**}'),
    ('write_docs', '{file:write:docs/**}'), ('read_write', '{project:read,file:write}'), ('read_write_src', '{project:read,file:write:src/**}'),
    ('docs', '{doc:read}'), ('write_doc', '{doc:write}'), ('write_d', '{doc:write:d}'), ('read_write_doc', '{doc:read,doc:write}'),
    ('all', '{project:read,events:read,snapshot:read,file:write,doc:write}')) v (name, abilities);
-- Alice holds them herself, then Carol, who is no member, then a superuser, then a guest: it is the token that counts.
INSERT INTO regress_token.seen SELECT 'alice', m.* FROM regress_token.matrix() m;
SELECT f, allowed, otherwise FROM regress_token.seen ORDER BY f;
-- what allows a call is what its description says; of three that find nothing here, what the refusal says is needed
SELECT s.f, s.allowed, d.token FROM regress_token.seen s JOIN pg_proc p ON p.proname = s.f AND p.pronamespace = 'quire'::regnamespace
CROSS JOIN substring(obj_description(p.oid, 'pg_proc') FROM E'\nToken: ([^\n]+)\\.\n') d(token)
WHERE d.token IS DISTINCT FROM CASE
    WHEN s.otherwise LIKE '%PT404%' THEN substring(s.otherwise FROM '[a-z]+:[a-z]+')
    WHEN s.allowed IS NULL THEN 'none'
    WHEN s.otherwise IS NULL THEN 'any'
    WHEN s.f = 'commit_bundle' THEN 'file:write or doc:write'
    WHEN string_to_array(s.allowed, ' ') @> '{docs}' THEN 'doc:read'
    WHEN string_to_array(s.allowed, ' ') @> '{write_doc}' THEN 'doc:write'
    WHEN string_to_array(s.allowed, ' ') @> '{read_write_doc}' THEN 'doc:read and doc:write'
    WHEN string_to_array(s.allowed, ' ') @> '{read}' THEN 'project:read'
    WHEN string_to_array(s.allowed, ' ') @> '{events}' THEN 'events:read'
    WHEN string_to_array(s.allowed, ' ') @> '{snapshots}' THEN 'snapshot:read'
    WHEN string_to_array(s.allowed, ' ') @> '{write}' THEN 'file:write'
    WHEN string_to_array(s.allowed, ' ') @> '{read_write}' THEN 'project:read and file:write' END;
\c - regress_carol
INSERT INTO regress_token.seen SELECT 'carol', m.* FROM regress_token.matrix() m;
\c - postgres
INSERT INTO regress_token.seen SELECT 'superuser', m.* FROM regress_token.matrix() m;
\c - regress_guest
INSERT INTO regress_token.seen SELECT 'guest', m.* FROM regress_token.matrix() m;
SELECT s.who, s.f, s.allowed, s.otherwise FROM regress_token.seen s JOIN regress_token.seen a ON a.who = 'alice' AND a.f = s.f
WHERE (s.allowed, s.otherwise) IS DISTINCT FROM (a.allowed, a.otherwise) AND s.otherwise NOT LIKE '42501 | permission denied for %'
ORDER BY 1, 2;
-- what a token allows and a guest may not call all the same
SELECT a.f, a.allowed FROM regress_token.seen s JOIN regress_token.seen a ON a.who = 'alice' AND a.f = s.f
WHERE s.who = 'guest' AND s.otherwise LIKE '42501 | permission denied for %' AND a.allowed IS NOT NULL ORDER BY 1;
-- in another project, be it the maker's own or public, none of them does anything
SELECT DISTINCT a FROM regress_token.call c, regress_token.held h, unnest('{t.id(2101),t.id(2102),t.id(999999)}'::text[]) other,
    regress_token.attempt(h.token, format(c.statement, other)) a
WHERE c.statement LIKE '%\%s%' AND a NOT LIKE '42501 | permission denied for %' ORDER BY 1;
-- a guest without a token may do nothing, not even with what is public
SELECT DISTINCT regexp_replace(t.error(format(statement, 't.id(2102)')), '(function|aggregate) .*', 'function') AS error FROM regress_token.call ORDER BY 1;
SELECT t.error('SELECT * FROM quire.project_files');
\c - regress_alice
SELECT t.error($$SELECT quire.delete_subscription(t.id(2100), 'of alice')$$);

-- Paths -------------------------------------------------------------------------------------------------------------
SELECT token AS src FROM regress_token.held WHERE name = 'write_src' \gset
SELECT token AS src_read FROM regress_token.held WHERE name = 'read_write_src' \gset
\c - regress_guest
SELECT statement, regress_token.attempt(:'src', format('SELECT quire.' || statement, 't.id(2100)')) FROM unnest(ARRAY[
    'upsert_project_file(%s, ''src/new'', ''x'')',
    'upsert_project_file(%s, ''src/deep/er/new'', ''x'')',
    'upsert_project_file(%s, ''src'', ''x'')',
    'upsert_project_file(%s, ''srcx/a'', ''x'')',
    'upsert_project_file(%s, ''SRC/a'', ''x'')',
    'upsert_project_file(%s, ''docs/src/a'', ''x'')',
    'upsert_project_file(%s, ''src/../docs/b'', ''x'')',
    'upsert_project_file(%s, ''docs/b'', ''b'')',
    'upsert_project_file(%s, ''docs/b'', ''x'', expected_version => 7)',
    'upsert_project_file_bytes(%s, ''docs/b'', ''x'')',
    'delete_project_file(%s, ''docs/b'')',
    'delete_project_file(%s, ''docs/none'')',
    'move_project_file(%s, ''src/a'', ''src/z'')',
    'move_project_file(%s, ''src/a'', ''docs/a'')',
    'move_project_file(%s, ''docs/b'', ''src/b'')',
    'move_project_file(%s, ''docs/none'', ''docs/none2'')',
    'bulk_upsert_project_files(%s, ''[{"file_path": "src/a", "content": "x"}, {"file_path": "docs/b", "content": "x"}]'')',
    'bulk_delete_project_files(%s, ''{src/a,docs/b}'')',
    'commit_bundle(%s, ''[{"op": "file.put", "file_path": "src/a", "content": "x"}, {"op": "file.delete", "file_path": "src/by-token"}]'')',
    'commit_bundle(%s, ''[{"op": "file.put", "file_path": "src/a", "content": "x"}, {"op": "file.delete", "file_path": "docs/b"}]'')',
    'commit_bundle(%s, ''[{"op": "file.move", "from_path": "src/a", "to_path": "docs/a"}, {"op": "file.move", "from_path": "docs/a", "to_path": "src/a"}]'')',
    'commit_bundle(%s, ''[{"op": "file.put", "file_path": "docs/b", "content": "x"}]'', base_seq => 0)',
    'commit_bundle(%s, ''[{"op": "file.put", "file_path": "docs/b", "content": "x"}]'', base_seq => 99)',
    'merge_project_file(%s, ''src/a'', ''x'', 1)',
    'restore_project_file(%s, ''src/a'', 1)',
    'restore_project(%s, 1)',
    'restore_project(%s, 1, dry_run => true)']) statement;
SELECT statement, regress_token.attempt(:'src_read', format('SELECT quire.' || statement, 't.id(2100)')) FROM unnest(ARRAY[
    'merge_project_file(%s, ''src/a'', ''x'', 1)',
    'merge_project_file(%s, ''docs/b'', ''x'', 1)',
    'restore_project_file(%s, ''src/a'', 1)',
    'restore_project_file(%s, ''docs/b'', 1)',
    'restore_project(%s, 2)',
    'restore_project(%s, 1)',
    'restore_project(%s, 1, dry_run => true)']) statement;
SELECT t.error(format('SELECT regress_token.attempt(%L, ''SELECT'')', :'src'));
\c - regress_alice
SELECT glob, array_agg(path ORDER BY path COLLATE "C") FILTER (WHERE a = 'ok') AS may_write, array_agg(path ORDER BY path COLLATE "C") FILTER (WHERE a <> 'ok') AS may_not
FROM unnest(ARRAY['**', '*', 'a', 'a/*', 'a/?', 'a/**', '**/c', '{a,b}/c', '[a-b]/c', 'a/**/c', '_/c', 'a\*', E'caf\u00e9/*', E'cafe\u0301/*']) glob,
    quire.mint_token(t.id(2100), ARRAY['file:write:' || glob], '1 hour') token,
    unnest(ARRAY['a', 'a/c', 'b/c', 'a/b/c', 'c', 'a\x', E'caf\u00e9/x', E'cafe\u0301/x']) path,
    regress_token.attempt(token, format('SELECT quire.upsert_project_file(t.id(2100), %L, ''x'')', path)) a
GROUP BY glob ORDER BY glob COLLATE "C";

-- Texts that are wrong: one answer for all, whatever is wrong with them ----------------------------------------------
SELECT quire.mint_token(t.id(2100), '{project:read,file:write:src/**}', '1 hour', max_uses => 1000) AS token \gset
SELECT quire.attenuate_token(:'token', '{project:read}', '10 minutes') AS narrowed \gset
SELECT quire.mint_token(t.id(2100), '{project:read}', '1 hour', 'regress_guest') AS audience \gset
\c - regress_carol
SELECT regress_token.whole_error($$SELECT quire.authenticate('')$$) AS invalid \gset
\echo :invalid
-- every byte with a bit flipped, every length
SELECT count(*) > 300 AS many, count(*) FILTER (WHERE e <> :'invalid') AS differently
FROM (SELECT regress_token.bytes(:'narrowed') AS b) n, generate_series(0, length(b) - 1) i, generate_series(0, 7) bit,
    regress_token.whole_error(format('SELECT quire.authenticate(%L)', regress_token.text(set_bit(b, (i * 8 + bit)::bigint, 1 - get_bit(b, (i * 8 + bit)::bigint))))) e;
SELECT count(*) > 300 AS many, count(*) FILTER (WHERE e <> :'invalid') AS differently
FROM generate_series(0, length(:'narrowed') - 1) n, regress_token.whole_error(format('SELECT quire.authenticate(%L)', left(:'narrowed', n))) e;
-- the tests above change what they think they do
SELECT regress_token.text(regress_token.bytes(:'narrowed')) = :'narrowed' AS same, regress_token.attempt(:'narrowed', 'SELECT') AS whole;
-- a narrowing taken away, its tag kept; tags exchanged; something behind the text; another version; too long
WITH b AS (SELECT regress_token.bytes(:'token') AS t, regress_token.bytes(:'narrowed') AS n)
SELECT what, regress_token.whole_error(format('SELECT quire.authenticate(%L)', forged)) = :'invalid' AS refused
FROM b, LATERAL (VALUES
    ('without the narrowing', regress_token.text(substring(t FOR length(t) - 32) || substring(n FROM length(n) - 31))),
    ('tag of the whole', regress_token.text(substring(n FOR length(n) - 32) || substring(t FROM length(t) - 31))),
    ('the narrowing twice', regress_token.text(substring(n FOR length(n) - 32) || substring(n FROM length(t) - 31 FOR length(n) - length(t)) || substring(n FROM length(n) - 31))),
    ('only tag', regress_token.text(substring(n FROM length(n) - 31))),
    ('more behind', :'narrowed' || 'A'), ('padded', :'narrowed' || '='), ('space', :'narrowed' || ' '), ('newline', :'narrowed' || E'\n'), ('space before', ' ' || :'narrowed'),
    ('version 2', replace(:'narrowed', 'quire1.', 'quire2.')), ('capitals', upper(:'narrowed')), ('not ASCII', :'narrowed' || 'ä'),
    ('too long', :'narrowed' || repeat('A', 9000)), ('long', 'quire1.' || repeat('A', 8000)), ('prefix', 'quire1.')) v (what, forged);
-- a token for another role
SELECT regress_token.whole_error(format('SELECT quire.authenticate(%L)', :'audience')) = :'invalid' AS refused;
\c - postgres
SELECT regress_token.whole_error(format('SELECT quire.authenticate(%L)', :'audience')) = :'invalid' AS refused;
SET ROLE regress_guest;
SELECT regress_token.attempt(:'audience', 'SELECT') AS as_the_role;
RESET ROLE;
\c - regress_guest
SELECT regress_token.attempt(:'audience', 'SELECT quire.get_project(t.id(2100))') AS as_the_role;
SELECT regress_token.attempt(quire.attenuate_token(:'audience', '{project:read}', '1 minute'), 'SELECT') AS narrowed;
\c - regress_alice
SELECT regress_token.whole_error(format('SELECT quire.authenticate(%L)', quire.attenuate_token(:'audience', '{project:read}', '1 minute'))) = :'invalid' AS narrowed_refused;
-- an unknown key, an unknown token
\c - postgres
BEGIN;
DELETE FROM quire_store.secret;
SELECT regress_token.whole_error(format('SELECT quire.authenticate(%L)', :'token')) = :'invalid' AS refused;
SELECT DISTINCT status FROM quire.list_tokens(t.id(2100)) ORDER BY 1;
ROLLBACK;
BEGIN;
DELETE FROM quire_store.token;
SELECT regress_token.whole_error(format('SELECT quire.authenticate(%L)', :'token')) = :'invalid' AS refused;
ROLLBACK;
BEGIN;
UPDATE quire_store.secret SET half = sha256('somebody else''s');
SELECT regress_token.whole_error(format('SELECT quire.authenticate(%L)', :'token')) = :'invalid' AS refused;
ROLLBACK;
-- a key is worth nothing beside another server's half, each of its four parts
SELECT part, setval(part::regclass, value # 1) IS NOT NULL AS changed, regress_token.whole_error(format('SELECT quire.authenticate(%L)', :'token')) = :'invalid' AS refused,
    setval(part::regclass, value) IS NOT NULL AS changed_back
FROM (SELECT 'quire_store.secret_half_1', last_value FROM quire_store.secret_half_1
      UNION ALL SELECT 'quire_store.secret_half_2', last_value FROM quire_store.secret_half_2
      UNION ALL SELECT 'quire_store.secret_half_3', last_value FROM quire_store.secret_half_3
      UNION ALL SELECT 'quire_store.secret_half_4', last_value FROM quire_store.secret_half_4) AS halves (part, value);
SELECT regress_token.attempt(:'token', 'SELECT') AS not_refused;

-- Narrowing ---------------------------------------------------------------------------------------------------------
\c - regress_guest
SELECT wanted, t.error(format($$SELECT quire.attenuate_token(%L, %L, '1 hour')$$, :'token', wanted)) AS error
FROM unnest(ARRAY['{project:read}', '{file:write:src/**}', '{file:write:src/a}', '{"file:write:src/{a,b}/**"}', '{project:read,file:write:src/x/**}',
    '{events:read}', '{project:read,events:read}', '{file:write}', '{file:write:**}', '{file:write:src}', '{file:write:srcx/**}',
    '{file:write:src/../**}', '{file:write:*/a}', '{file:write:docs/**}', '{snapshot:read}']) wanted;
SELECT answer -> 'abilities' AS abilities FROM quire.authenticate(quire.attenuate_token(:'token', '{file:write:src/a,file:write:src/a,project:read}', '1 hour')) answer;
-- a longer life ends with the token's own
SELECT quire.authenticate(quire.attenuate_token(:'token', '{project:read}', '300 days')) -> 'expires_at' = quire.authenticate(:'token') -> 'expires_at' AS same_end,
    (quire.authenticate(quire.attenuate_token(:'token', '{project:read}', '1 minute')) ->> 'expires_at')::timestamptz < now() + interval '5 minutes' AS shorter;
-- what has been given up does not come back
SELECT t.error(format($$SELECT quire.attenuate_token(%L, '{file:write:src/**}', '1 hour')$$, :'narrowed'));
-- eight times
CREATE FUNCTION pg_temp.narrow(token text, times integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1 .. times LOOP
        token := quire.attenuate_token(token, '{project:read}', '1 hour');
    END LOOP;
    RETURN token;
END
$$;
SELECT regress_token.attempt(pg_temp.narrow(:'token', 8), 'SELECT quire.get_project(t.id(2100))');
SELECT t.error(format('SELECT pg_temp.narrow(%L, 9)', :'token'));
-- a forged text can be narrowed, and stays worthless
SELECT t.error(format($$SELECT quire.attenuate_token(%L, '{project:read}', '1 hour')$$, :'token')) AS possible,
    regress_token.whole_error(format('SELECT quire.authenticate(quire.attenuate_token(%L, ''{project:read}'', ''1 hour''))',
        regress_token.text(set_byte(b, length(b) - 1, 255 - get_byte(b, length(b) - 1))))) = :'invalid' AS worthless
FROM regress_token.bytes(:'token') b;

-- Expiry ------------------------------------------------------------------------------------------------------------
\c - regress_alice
SELECT quire.mint_token(t.id(2100), '{project:read,file:write}', '2 seconds', max_uses => 7) AS brief \gset
SELECT quire.attenuate_token(:'token', '{project:read}', '2 seconds') AS brief_narrowed \gset
BEGIN;
SELECT quire.authenticate(:'brief') IS NOT NULL AS bound;
SELECT pg_sleep(2.1);
SELECT t.error($$SELECT quire.get_project(t.id(2100))$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(2100), 'late', 'x')$$);
SELECT t.error($$SELECT * FROM quire.project_files$$);
COMMIT;
SELECT t.error(format('SELECT quire.authenticate(%L)', :'brief'));
SELECT t.error(format('SELECT quire.authenticate(%L)', :'brief_narrowed'));
SELECT status FROM quire.list_tokens(t.id(2100)) WHERE max_uses = 7;
SELECT t.error(format($$SELECT quire.authenticate(quire.attenuate_token(%L, '{project:read}', '1 hour'))$$, :'brief'));
-- forgotten 30 days later, when somebody mints
\c - postgres
UPDATE quire_store.token SET expires_at = now() - CASE max_uses WHEN 1000 THEN interval '29 days' ELSE interval '31 days' END
WHERE project_id = t.id(2100) AND minted_by = t.actor('alice');
\c - regress_alice
SELECT quire.mint_token(t.id(2100), '{project:read,file:write,events:read}', '1 hour') AS token \gset
SELECT status, max_uses FROM quire.list_tokens(t.id(2100)) WHERE minted_by = t.actor('alice');
-- or makes a snapshot or starts a session, whose tokens are some, too
\c - postgres
UPDATE quire_store.token SET expires_at = now() - interval '31 days' WHERE project_id = t.id(2100) AND max_uses = 1000;
\c - regress_alice
SELECT quire.begin_session(t.id(2100)) IS NOT NULL AS started;
SELECT status, max_uses FROM quire.list_tokens(t.id(2100)) WHERE minted_by = t.actor('alice') AND abilities::text NOT LIKE '%snapshot%';

-- Uses --------------------------------------------------------------------------------------------------------------
SELECT quire.mint_token(t.id(2101), '{project:read}', '1 hour', max_uses => 2) AS twice \gset
SELECT quire.authenticate(:'twice') IS NOT NULL AS bound;
SELECT uses, status FROM quire.list_tokens(t.id(2101));
-- what is rolled back was no use
BEGIN; SELECT quire.authenticate(:'twice') IS NOT NULL AS bound; ROLLBACK;
SELECT uses FROM quire.list_tokens(t.id(2101));
SELECT quire.authenticate(quire.attenuate_token(:'twice', '{project:read}', '1 minute')) IS NOT NULL AS bound;
SELECT t.error(format('SELECT quire.authenticate(%L)', :'twice'));
SELECT t.error(format('SELECT quire.authenticate(quire.attenuate_token(%L, ''{project:read}'', ''1 minute''))', :'twice'));
SELECT uses, status FROM quire.list_tokens(t.id(2101));
-- two uses in one transaction are two
SELECT quire.mint_token(t.id(2101), '{project:read}', '1 hour', max_uses => 1) AS once \gset
BEGIN;
SELECT quire.authenticate(:'once') IS NOT NULL AS bound;
SELECT t.error(format('SELECT quire.authenticate(%L)', :'once'));
SELECT quire.get_project(t.id(2101)) ->> 'name' AS still_bound;
COMMIT;
-- many uses are as many as they are
SELECT quire.mint_token(t.id(2101), '{project:read}', '1 hour', max_uses => 1100) AS many \gset
SELECT count(quire.authenticate(:'many')) AS bound FROM generate_series(1, 1099);
SELECT uses, status FROM quire.list_tokens(t.id(2101)) WHERE max_uses = 1100;
SELECT quire.authenticate(:'many') IS NOT NULL AS bound;
SELECT t.error(format('SELECT quire.authenticate(%L)', :'many'));
SELECT uses, status FROM quire.list_tokens(t.id(2101)) WHERE max_uses = 1100;
-- one that is not counted can be presented where nothing may be written
BEGIN READ ONLY;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
SELECT content FROM quire.read_project_file(t.id(2100), 'docs/b');
COMMIT;
SELECT quire.mint_token(t.id(2101), '{project:read}', '1 hour', max_uses => 1) AS counted \gset
BEGIN READ ONLY;
SELECT t.error(format('SELECT quire.authenticate(%L)', :'counted'));
COMMIT;

-- Never worth more than who made it --------------------------------------------------------------------------------
SELECT quire.set_project_member(t.id(2100), t.actor('bob'), 'editor') ->> 'role' AS role;
SELECT quire.set_project_member(t.id(2102), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT quire.mint_token(t.id(2100), '{project:read,file:write}', '1 hour') AS private \gset
SELECT quire.mint_token(t.id(2102), '{project:read,file:write}', '1 hour') AS public \gset
CREATE FUNCTION pg_temp.worth(private text, public text) RETURNS TABLE (project text, reads text, writes text) LANGUAGE sql AS $$
    SELECT name, regress_token.attempt(token, format('SELECT quire.get_project(%L)', id)),
        regress_token.attempt(token, format('SELECT quire.upsert_project_file(%L, ''a'', ''x'')', id))
    FROM (VALUES ('private', t.id(2100), private), ('public', t.id(2102), public)) v (name, id, token)
$$;
SELECT * FROM pg_temp.worth(:'private', :'public');
\c - regress_alice
BEGIN;
SELECT quire.set_project_member(t.id(2100), t.actor('bob'), 'viewer') ->> 'role' AS role;
SELECT regress_token.attempt(:'private', $$SELECT quire.upsert_project_file(t.id(2100), 'a', 'x')$$);
SELECT regress_token.attempt(:'private', $$SELECT quire.get_project(t.id(2100))$$);
ROLLBACK;
SELECT regress_token.attempt(:'private', $$SELECT quire.upsert_project_file(t.id(2100), 'a', 'x')$$);
SELECT quire.delete_project_member(t.id(2100), t.actor('bob'));
SELECT quire.delete_project_member(t.id(2102), t.actor('bob'));
SELECT regress_token.attempt(:'private', $$SELECT quire.get_project(t.id(2100))$$);
SELECT regress_token.attempt(:'private', $$SELECT quire.upsert_project_file(t.id(2100), 'a', 'x')$$);
-- like everybody, they still read what is public
SELECT regress_token.attempt(:'public', $$SELECT quire.get_project(t.id(2102))$$);
SELECT regress_token.attempt(:'public', $$SELECT quire.upsert_project_file(t.id(2102), 'a', 'x')$$);
-- a member again: the token is worth something again
SELECT quire.set_project_member(t.id(2100), t.actor('bob'), 'viewer') ->> 'role' AS role;
SELECT regress_token.attempt(:'private', $$SELECT quire.get_project(t.id(2100))$$);
-- read only while the project is; revoked there too
SELECT quire.archive_project(t.id(2100)) ->> 'status' AS status;
SELECT regress_token.attempt(:'token', $$SELECT quire.upsert_project_file(t.id(2100), 'a', 'x')$$);
SELECT regress_token.attempt(:'token', $$SELECT quire.get_project(t.id(2100))$$);
SELECT count(quire.revoke_token(t.id(2100), token_id)) AS revoked FROM quire.list_tokens(t.id(2100)) WHERE minted_by = t.actor('bob') AND status = 'valid';
SELECT quire.unarchive_project(t.id(2100)) ->> 'status' AS status;
-- an administrator's is worth nothing any more when they are none
\c - postgres
CREATE ROLE regress_token_admin LOGIN;
GRANT quire_admin TO regress_token_admin;
SELECT quire.map_role_to_actor('regress_token_admin', t.id(2199), 'admin') IS NOT NULL AS mapped;
\c - regress_token_admin
SELECT quire.mint_token(t.id(2100), '{project:read,file:write}', '1 hour') AS of_admin \gset
SELECT regress_token.attempt(:'of_admin', $$SELECT quire.upsert_project_file(t.id(2100), 'a', 'x')$$);
SELECT regress_token.attempt(:'of_admin', $$SELECT quire.upsert_project_file(t.id(2101), 'a', 'x')$$);
SELECT regress_token.attempt(:'of_admin', $$SELECT * FROM quire.list_projects()$$);
SELECT regress_token.attempt(:'of_admin', $$SELECT quire.rotate_secret()$$);
\c - postgres
REVOKE quire_admin FROM regress_token_admin;
\c - regress_guest
SELECT regress_token.attempt(:'of_admin', $$SELECT quire.get_project(t.id(2100))$$);
SELECT regress_token.attempt(:'of_admin', $$SELECT quire.upsert_project_file(t.id(2100), 'a', 'x')$$);

-- Where it ends -----------------------------------------------------------------------------------------------------
\c - regress_alice
SELECT quire.mint_token(t.id(2100), '{events:read}', '1 hour') AS events \gset
CREATE FUNCTION pg_temp.who() RETURNS text LANGUAGE sql AS $$SELECT quire.whoami() ->> 'via'$$;
SELECT pg_temp.who();
BEGIN; SELECT quire.authenticate(:'token') IS NOT NULL AS bound; SELECT pg_temp.who(); COMMIT; SELECT pg_temp.who();
BEGIN; SELECT quire.authenticate(:'token') IS NOT NULL AS bound; SELECT pg_temp.who(); ROLLBACK; SELECT pg_temp.who();
BEGIN; SELECT quire.authenticate(:'token') IS NOT NULL AS bound; SELECT pg_temp.who(); COMMIT AND CHAIN; SELECT pg_temp.who(); COMMIT;
-- after an error of the transaction
BEGIN; SELECT quire.authenticate(:'token') IS NOT NULL AS bound; SELECT 1 / 0; COMMIT; SELECT pg_temp.who();
-- a statement of its own is a transaction of its own
SELECT quire.authenticate(:'token') IS NOT NULL AS bound, pg_temp.who();
SELECT pg_temp.who();
-- savepoints
BEGIN;
SAVEPOINT a;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
SAVEPOINT b;
SELECT pg_temp.who();
ROLLBACK TO b;
SELECT pg_temp.who();
ROLLBACK TO a;
SELECT pg_temp.who();
SAVEPOINT b;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
RELEASE b;
SELECT pg_temp.who();
RELEASE a;
SELECT pg_temp.who();
COMMIT;
BEGIN;
SAVEPOINT a;
SAVEPOINT b;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
RELEASE b;
ROLLBACK TO a;
SELECT pg_temp.who();
COMMIT;
-- PL/pgSQL: what an exception undoes is undone, what is caught later stays
DO $$
DECLARE
    token text := quire.mint_token(t.id(2100), '{project:read}', '1 hour');
BEGIN
    BEGIN
        PERFORM quire.authenticate(token);
        RAISE NOTICE 'inside: %', pg_temp.who();
        RAISE 'stop';
    EXCEPTION WHEN raise_exception THEN
        RAISE NOTICE 'after the exception: %', pg_temp.who();
    END;
    BEGIN
        PERFORM quire.authenticate(token);
    EXCEPTION WHEN raise_exception THEN NULL;
    END;
    RAISE NOTICE 'after a block that ended well: %', pg_temp.who();
    BEGIN
        RAISE 'stop';
    EXCEPTION WHEN raise_exception THEN
        RAISE NOTICE 'after an exception elsewhere: %', pg_temp.who();
    END;
END
$$;
-- a procedure that commits
DO $$
DECLARE
    token text := quire.mint_token(t.id(2100), '{project:read}', '1 hour');
BEGIN
    PERFORM quire.authenticate(token);
    RAISE NOTICE 'before: %', pg_temp.who();
    COMMIT;
    RAISE NOTICE 'after: %', pg_temp.who();
    PERFORM quire.authenticate(token);
    ROLLBACK;
    RAISE NOTICE 'after: %', pg_temp.who();
END
$$;
-- two phases
BEGIN; SELECT quire.authenticate(:'token') IS NOT NULL AS bound; PREPARE TRANSACTION 'regress_token'; SELECT pg_temp.who();
ROLLBACK PREPARED 'regress_token';
-- a second one takes the place of the first; one that is refused does not
BEGIN;
SELECT quire.authenticate(:'events') IS NOT NULL AS bound;
SELECT t.error($$SELECT quire.get_project(t.id(2100))$$);
SELECT t.error($$SELECT quire.authenticate('quire1.x')$$);
SELECT t.error($$SELECT quire.get_project(t.id(2100))$$);
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
SELECT t.error($$SELECT quire.get_project(t.id(2100))$$);
COMMIT;
-- undoing the second leaves the first, and never the caller's own rights
BEGIN;
SELECT quire.authenticate(:'events') IS NOT NULL AS bound;
SAVEPOINT a;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
ROLLBACK TO a;
SELECT pg_temp.who(), t.error($$SELECT quire.get_project(t.id(2100))$$), t.error($$SELECT quire.poll_events(t.id(2100))$$);
SELECT t.error($$SELECT quire.get_project(t.id(2101))$$);
COMMIT;
\c - postgres
BEGIN;
SELECT quire.authenticate(:'events') IS NOT NULL AS bound;
SELECT regress_token.attempt(:'token', 'SELECT') AS undone;
SELECT quire.whoami() ->> 'via' AS via, t.error($$SELECT quire.create_project('as a superuser')$$);
COMMIT;

-- Revoked while it is bound -----------------------------------------------------------------------------------------
BEGIN;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
SELECT t.error($$SELECT quire.get_project(t.id(2100))$$);
INSERT INTO quire_store.token_revocation (project_id, token_id, revocation_id, revoked_by)
SELECT project_id, token_id, gen_random_uuid(), minted_by FROM quire_store.token WHERE project_id = t.id(2100);
SELECT t.error($$SELECT quire.get_project(t.id(2100))$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(2100), 'a', 'x')$$);
SELECT t.error($$SELECT quire.poll_events(t.id(2100))$$);
DELETE FROM quire_store.token WHERE project_id = t.id(2100);
SELECT t.error($$SELECT quire.get_project(t.id(2100))$$);
ROLLBACK;
\c - regress_alice
BEGIN;
SELECT count(quire.revoke_token(t.id(2100), token_id)) > 0 AS revoked FROM quire.list_tokens(t.id(2100)) WHERE status = 'valid';
SELECT t.error(format('SELECT quire.authenticate(%L)', :'token'));
ROLLBACK;
SELECT regress_token.attempt(:'token', 'SELECT') AS not_revoked;

-- Views -------------------------------------------------------------------------------------------------------------
SELECT quire.mint_token(t.id(2100), '{project:read}', '1 hour') AS reads \gset
CREATE FUNCTION pg_temp.seen() RETURNS TABLE (source text, projects uuid[]) LANGUAGE sql AS $$
    SELECT 'project_files', array_agg(DISTINCT project_id) FROM quire.project_files
    UNION ALL SELECT 'project_files_current', array_agg(DISTINCT project_id) FROM quire.project_files_current
    UNION ALL SELECT 'legacy_project_files', array_agg(DISTINCT project_id) FROM quire.legacy_project_files
    UNION ALL SELECT 'bundles', array_agg(DISTINCT project_id) FROM quire.bundles
    UNION ALL SELECT 'oplog', array_agg(DISTINCT project_id) FROM quire.oplog
$$;
-- without a token: three projects
SELECT source, projects @> ARRAY[t.id(2100), t.id(2101), t.id(2102)] AS all_three FROM pg_temp.seen();
BEGIN; SELECT quire.authenticate(:'reads') IS NOT NULL AS bound; SELECT * FROM pg_temp.seen(); COMMIT;
BEGIN; SELECT quire.authenticate(:'events') IS NOT NULL AS bound; SELECT * FROM pg_temp.seen(); COMMIT;
-- somebody who may see nothing of it themselves, a prepared statement, an open cursor
\c - regress_carol
PREPARE names AS SELECT file_path FROM quire.project_files_current WHERE project_id IN (t.id(2100), t.id(2101)) ORDER BY 1;
EXECUTE names;
BEGIN;
SELECT quire.authenticate(:'reads') IS NOT NULL AS bound;
EXECUTE names;
SELECT content FROM quire.project_files WHERE project_id = t.id(2100) AND file_path = 'docs/b';
COMMIT;
EXECUTE names;
-- an administrator sees no more than the token allows; only a superuser, whom no policy stops, does, and only in views
\c - postgres
GRANT quire_admin TO regress_token_admin;
\c - regress_token_admin
SELECT count(DISTINCT project_id) >= 3 AS all_three FROM quire.project_files;
BEGIN;
SELECT quire.authenticate(:'reads') IS NOT NULL AS bound;
SELECT DISTINCT project_id FROM quire.project_files;
COMMIT;
BEGIN;
SELECT quire.authenticate(:'events') IS NOT NULL AS bound;
SELECT count(*) FROM quire.project_files;
COMMIT;
\c - postgres
BEGIN;
SELECT quire.authenticate(:'events') IS NOT NULL AS bound;
SELECT quire.whoami() ->> 'is_admin' AS is_admin;
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(2100))$$), t.error($$SELECT * FROM quire.list_current_files(t.id(2101))$$);
SELECT t.error($$SELECT quire.map_role_to_actor('regress_guest')$$), t.error($$SELECT quire.rotate_secret()$$);
COMMIT;

-- Secrets -----------------------------------------------------------------------------------------------------------
SELECT grantee, privilege_type FROM information_schema.table_privileges
WHERE table_schema = 'quire_store' AND table_name IN ('secret', 'token') AND grantee <> 'quire_owner';
SELECT octet_length(half) AS bytes, count(*) FROM quire_store.secret GROUP BY 1;
SELECT count(*) AS parts, count(DISTINCT abs(last_value)) FILTER (WHERE abs(last_value) > 1000) AS random
FROM (SELECT last_value FROM quire_store.secret_half_1 UNION ALL SELECT last_value FROM quire_store.secret_half_2
      UNION ALL SELECT last_value FROM quire_store.secret_half_3 UNION ALL SELECT last_value FROM quire_store.secret_half_4) halves;
SELECT c.relname AS readable_half FROM pg_class c, pg_roles r
WHERE c.relnamespace = 'quire_store'::regnamespace AND c.relkind = 'S' AND r.rolname IN ('regress_alice', 'regress_guest', 'regress_token_admin', 'quire_user', 'quire_admin')
  AND has_sequence_privilege(r.oid, c.oid, 'SELECT, USAGE, UPDATE');
-- ANALYZE takes no sample of the half in the table
ANALYZE quire_store.secret;
SELECT count(*) FROM pg_statistic s JOIN pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum
WHERE s.starelid = 'quire_store.secret'::regclass AND a.attname = 'half';
\c - regress_alice
SELECT t.error($$SELECT * FROM quire_store.secret$$), t.error($$SELECT * FROM quire_store.secret_half_1$$), t.error($$SELECT * FROM quire_store.token$$);
\c - regress_guest
SELECT t.error($$SELECT * FROM quire_store.secret$$);
\c - regress_token_admin
SELECT t.error($$SELECT * FROM quire_store.secret$$);
-- nothing that is stored of a token helps to make it
\c - postgres
SELECT count(*) FROM quire_store.token t WHERE to_jsonb(t)::text LIKE '%quire1.%';
SELECT count(*) FROM quire_store.secret s, quire_store.token t WHERE to_jsonb(t)::text LIKE '%' || encode(s.half, 'hex') || '%';
-- rotation: tokens of older keys stay, keys without any go
SELECT count(*) AS keys FROM quire_store.secret \gset
SELECT quire.rotate_secret() AS new_key \gset
SELECT count(*) FILTER (WHERE retired_at IS NULL) AS current, count(*) FILTER (WHERE key_id = :'new_key') AS new, count(*) - :keys AS more FROM quire_store.secret;
SELECT regress_token.attempt(:'token', 'SELECT quire.get_project(t.id(2100))') AS older_key;
\c - regress_alice
SELECT quire.mint_token(t.id(2100), '{project:read}', '1 hour') AS newer \gset
SELECT regress_token.attempt(:'newer', 'SELECT quire.get_project(t.id(2100))') AS newer_key, regress_token.attempt(:'token', 'SELECT') AS older_key;
\c - regress_token_admin
SELECT quire.rotate_secret() IS NOT NULL AS rotated;
\c - postgres
SELECT regress_token.attempt(:'token', 'SELECT') AS two_keys_ago, regress_token.attempt(:'newer', 'SELECT') AS one_key_ago;
BEGIN;
UPDATE quire_store.token SET expires_at = now();
SELECT quire.rotate_secret() IS NOT NULL AS rotated;
SELECT count(*) AS keys FROM quire_store.secret;
ROLLBACK;

-- A deleted project takes its tokens along ----------------------------------------------------------------------------
\c - regress_alice
SELECT quire.delete_project(t.id(2100), 'tokens');
SELECT regress_token.whole_error(format('SELECT quire.authenticate(%L)', :'token')) = :'invalid' AS refused;
SELECT quire.create_project('tokens', t.id(2100)) IS NOT NULL AS created_again;
SELECT regress_token.whole_error(format('SELECT quire.authenticate(%L)', :'token')) = :'invalid' AS refused;
\c - postgres
SET client_min_messages = warning;
CALL t.drop(t.id(2100));
CALL t.drop(t.id(2101));
CALL t.drop(t.id(2102));
DROP SCHEMA regress_token CASCADE;
REVOKE quire_admin FROM regress_token_admin;
DROP ROLE regress_token_admin;
