-- Tokens for documents: which documents a holder writes, by which function, and what they are shown. token.sql walks all functions.
\c - postgres
CREATE SCHEMA regress_token_doc;
GRANT USAGE ON SCHEMA regress_token_doc TO PUBLIC;
CREATE FUNCTION regress_token_doc.attempt(token text, statement text) RETURNS text LANGUAGE sql AS $$
    SELECT t.attempt(token, statement, '{needed_ability,doc,branch}') $$;
-- The JSON of a write of submit_tx, of a document that is begun.
CREATE FUNCTION regress_token_doc.begun(doc text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('doc', doc, 'changes', jsonb_build_array(encode(t.first_change(), 'base64'))) || more
$$;
CREATE TABLE regress_token_doc.held (name text, token text);
CREATE TABLE regress_token_doc.synced (message bytea, state bytea);
GRANT ALL ON regress_token_doc.held, regress_token_doc.synced TO PUBLIC;

\c - regress_alice
SELECT quire.create_project('documents by token', t.id(4800)) IS NOT NULL AS created;
SELECT quire.create_project('a peer of it', t.id(4801)) IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(4800), t.actor('bob'), 'viewer') ->> 'role' AS role;
SELECT doc, quire.put_doc(t.id(4800), doc, '{"secret": "x", "text": "t"}') ->> 'applied' AS applied FROM unnest('{notes/a,notes/deep/b,other}'::text[]) doc;
SELECT quire.create_branch(t.id(4800), 'draft') -> 'ops' -> 0 ->> 'status' AS status;
INSERT INTO regress_token_doc.held
SELECT name, quire.mint_token(t.id(4800), abilities::text[], '1 hour')
FROM (VALUES ('write', '{doc:write}'), ('notes', '{doc:write:notes/**}'), ('read_notes', '{doc:read,doc:write:notes/**}'), ('all_by_glob', '{doc:read,doc:write:**}'),
    ('files', '{project:read,file:write}')) v (name, abilities);

-- Names ---------------------------------------------------------------------------------------------------------------
\c - regress_guest
SELECT statement, regress_token_doc.attempt(token, format('SELECT quire.' || statement, 't.id(4800)'))
FROM regress_token_doc.held, unnest(ARRAY[
    'put_doc(%s, ''notes/a'', ''{}'')',
    'put_doc(%s, ''notes/new/er'', ''{}'')',
    'put_doc(%s, ''notes'', ''{}'')',
    'put_doc(%s, ''notesx/a'', ''{}'')',
    'put_doc(%s, ''Notes/a'', ''{}'')',
    'put_doc(%s, ''/notes/a'', ''{}'')',
    'put_doc(%s, ''notes/../other'', ''{}'')',
    'put_doc(%s, ''other'', ''{}'')',
    'put_doc(%s, ''notes/a'', ''{}'', branch => ''draft'')',
    'put_doc(%s, ''other'', ''{}'', branch => ''draft'')',
    'put_doc(%s, ''other'', ''{}'', branch => ''none'')',
    'put_doc(%s, ''other'', ''{}'', base_heads => ''{}'')',
    'put_doc(%s, ''other'', ''1'')',
    'delete_doc(%s, ''notes/deep/b'')',
    'delete_doc(%s, ''other'')',
    'delete_doc(%s, ''none'')',
    'apply_doc_changes(%s, ''notes/a'', ARRAY[t.first_change()])',
    'apply_doc_changes(%s, ''other'', ARRAY[t.first_change()])',
    'import_doc(%s, ''notes/c'', t.first_change())',
    'import_doc(%s, ''other'', ''x'')']) WITH ORDINALITY s (statement, n) WHERE name = 'read_notes' ORDER BY n;
-- what a patch is refused for, a text that is too short, and how large the smallest change is, tell what is there
SELECT name, statement, regress_token_doc.attempt(token, format('SELECT quire.' || statement, 't.id(4800)'))
FROM regress_token_doc.held, unnest(ARRAY[
    'put_doc(%s, ''notes/a'', ''{"secret": "y"}'')',
    'submit_tx(%s, ''{"schema": "strict", "writes": [{"doc": "notes/a", "changes": ["hW9Kg5pZ8ggBGAAQcXVpcmUgZmlyc3QgZG9jLgEBAAAAAA=="]}]}'')',
    'edit_doc(%s, ''notes/a'', ''[{"op": "test", "path": "/secret", "value": "y"}]'')',
    'edit_doc(%s, ''other'', ''[{"op": "test", "path": "/secret", "value": "y"}]'')',
    'splice_doc_text(%s, ''notes/a'', ''/text'', 0, 0, ''x'')',
    'splice_doc_text(%s, ''other'', ''/text'', 0, 0, ''x'')']) WITH ORDINALITY s (statement, n) WHERE name IN ('notes', 'read_notes') ORDER BY name, n;

-- Transactions and bundles: each document counts -----------------------------------------------------------------------
SELECT name, what, regress_token_doc.attempt(token, format('SELECT quire.submit_tx(t.id(4800), %L)', tx))
FROM regress_token_doc.held, (VALUES
    (1, 'one', jsonb_build_object('writes', jsonb_build_array(regress_token_doc.begun('notes/x')))),
    (2, 'two', jsonb_build_object('writes', jsonb_build_array(regress_token_doc.begun('notes/x'), regress_token_doc.begun('other')))),
    (3, 'on a branch', jsonb_build_object('writes', jsonb_build_array(regress_token_doc.begun('other', '{"branch": "draft"}')))),
    (4, 'stale', jsonb_build_object('writes', jsonb_build_array(regress_token_doc.begun('other', '{"base_heads": []}')))),
    (5, 'reads', jsonb_build_object('reads', '[{"doc": "other", "heads": []}]'::jsonb, 'writes', jsonb_build_array(regress_token_doc.begun('notes/x')))),
    (6, 'patches', jsonb_build_object('options', '{"return_patches": true}'::jsonb, 'writes', jsonb_build_array(regress_token_doc.begun('notes/x')))),
    (7, 'merge_of', jsonb_build_object('writes', jsonb_build_array(regress_token_doc.begun('notes/x', '{"merge_of": [{"branch": "draft", "heads": []}]}'))))
    ) v (n, what, tx) WHERE name IN ('notes', 'read_notes', 'files') ORDER BY name, n;
SELECT name, what, regress_token_doc.attempt(token, format('SELECT quire.commit_bundle(t.id(4800), %L)', ops))
FROM regress_token_doc.held, (VALUES
    (1, 'a document', '[{"op": "doc.delete", "doc": "notes/a"}]'),
    (2, 'another one', '[{"op": "doc.delete", "doc": "notes/a"}, {"op": "doc.delete", "doc": "other"}]'),
    (3, 'a branch', '[{"op": "branch.create", "branch": "b"}]'),
    (4, 'a file', '[{"op": "file.put", "file_path": "notes/a", "content": "x"}]'),
    (5, 'both', '[{"op": "file.put", "file_path": "notes/a", "content": "x"}, {"op": "doc.delete", "doc": "notes/a"}]'),
    (6, 'a field', '[{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1}]')
    ) v (n, what, ops) WHERE name IN ('write', 'notes', 'files') ORDER BY name, n;

-- Branches are for who may write every document; a glob is none of these, whatever it matches -----------------------------
SELECT name, statement, regress_token_doc.attempt(token, format('SELECT quire.' || statement, 't.id(4800)'))
FROM regress_token_doc.held, unnest(ARRAY['create_branch(%s, ''b'')', 'close_branch(%s, ''draft'')', 'delete_branch(%s, ''draft'')', 'merge_branch(%s, ''draft'')',
    'merge_branch(%s, ''draft'', dry_run => true)']) WITH ORDINALITY s (statement, n) WHERE name IN ('write', 'all_by_glob', 'files') ORDER BY name, n;

-- The storage: the first part of a key is the document -------------------------------------------------------------------
SELECT name, statement, regress_token_doc.attempt(token, format('SELECT quire.' || statement, 't.id(4800)'))
FROM regress_token_doc.held, unnest(ARRAY[
    'storage_save(%s, ''{notes/a,snapshot,x}'', t.first_change())',
    'storage_save(%s, ''{other,snapshot,x}'', t.first_change())',
    'storage_save(%s, ''{notes/a,sync-state,x}'', ''x'')',
    'storage_save(%s, ''{other,sync-state,x}'', ''x'')',
    'storage_save(%s, ''{storage-adapter-id}'', ''x'')',
    'storage_remove(%s, ''{notes/a,incremental,x}'')',
    'storage_remove(%s, ''{other,incremental,x}'')',
    'storage_remove_range(%s, ''{notes/a}'')',
    'storage_remove_range(%s, ''{notes}'')',
    'storage_remove_range(%s, ''{other}'')',
    'storage_remove_range(%s, ''{}'')']) WITH ORDINALITY s (statement, n) WHERE name IN ('write', 'notes', 'all_by_glob') ORDER BY name, n;

-- a schema says where a document does not satisfy it to who may read that
\c - regress_alice
SELECT quire.register_schema(t.id(4800), 'strict', '{"required": ["title"]}', docs => 'notes/strict') -> 'looked_at' AS looked_at;
\c - regress_guest
SELECT name, regress_token_doc.attempt(token, $$SELECT quire.apply_doc_changes(t.id(4800), 'notes/strict', ARRAY[t.first_change()])$$)
FROM regress_token_doc.held WHERE name IN ('notes', 'read_notes') ORDER BY name;

-- Sync: reading is doc:read, what a message brings is doc:write ------------------------------------------------------------
\c - regress_alice
SELECT quire.put_doc(t.id(4801), 'd', '{"brought": 1}') ->> 'applied' AS applied;
WITH peer AS MATERIALIZED (SELECT message, state FROM quire.sync_doc(t.id(4801), 'd', 'main', NULL, NULL)),
    here AS MATERIALIZED (SELECT s.message, s.state, peer.state AS peer_state FROM peer, quire.sync_doc(t.id(4800), 'notes/synced', 'main', peer.message, NULL) s)
INSERT INTO regress_token_doc.synced
SELECT s.message, here.state FROM here, quire.sync_doc(t.id(4801), 'd', 'main', here.message, here.peer_state) s;
\c - regress_guest
SELECT name, doc, regress_token_doc.attempt(token, format('SELECT quire.sync_doc(t.id(4800), %L, ''main'', NULL, NULL)', doc)) AS asks,
    regress_token_doc.attempt(token, format('SELECT quire.sync_doc(t.id(4800), %L, ''main'', %L, %L)', doc, message, state)) AS brings
FROM regress_token_doc.held, regress_token_doc.synced, unnest('{notes/synced,other,none}'::text[]) doc WHERE name <> 'write' ORDER BY name COLLATE "C", doc;

-- An answer that is given again is for who may write what it tells of -----------------------------------------------------
\c - regress_alice
SELECT quire.commit_bundle(t.id(4800), '[{"op": "doc.delete", "doc": "other"}]', correlation_id => t.id(4890)) -> 'ops' -> 0 ->> 'status' AS status;
SELECT quire.create_branch(t.id(4800), 'again', correlation_id => t.id(4891)) -> 'ops' -> 0 ->> 'status' AS status;
\c - regress_guest
SELECT name, regress_token_doc.attempt(token, $$SELECT quire.commit_bundle(t.id(4800), '[{"op": "doc.delete", "doc": "other"}]', correlation_id => t.id(4890))$$) AS doc,
    regress_token_doc.attempt(token, $$SELECT quire.create_branch(t.id(4800), 'again', correlation_id => t.id(4891))$$) AS branch
FROM regress_token_doc.held ORDER BY name COLLATE "C";

-- What is written is its maker's, and the log says so; narrowing; roles ------------------------------------------------------
SELECT token AS notes FROM regress_token_doc.held WHERE name = 'notes' \gset
SELECT token AS reads FROM regress_token_doc.held WHERE name = 'read_notes' \gset
BEGIN;
SELECT quire.authenticate(quire.attenuate_token(:'reads', '{doc:read,doc:write:notes/deep/**}', '1 minute')) -> 'abilities' AS abilities;
SELECT quire.put_doc(t.id(4800), 'notes/deep/b', '{"by": "token"}') ->> 'applied' AS applied;
SELECT quire.read_doc(t.id(4800), 'notes/deep/b') AS doc;
SELECT t.error($$SELECT quire.put_doc(t.id(4800), 'notes/a', '{}')$$);
COMMIT;
SELECT t.error(format($$SELECT quire.attenuate_token(%L, '{doc:write}', '1 minute')$$, :'notes'));
SELECT t.error(format($$SELECT quire.attenuate_token(%L, '{doc:write:other}', '1 minute')$$, :'notes'));
SELECT t.error(format($$SELECT quire.attenuate_token(%L, '{doc:read}', '1 minute')$$, :'notes'));
\c - regress_alice
SELECT actor = t.actor('alice') AS by_alice FROM quire.doc_history(t.id(4800), 'notes/deep/b', max_ops => 1);
SELECT quire.attenuate_token(quire.mint_token(t.id(4800), '{project:read}', '1 hour'), '{doc:read}', '1 minute') IS NOT NULL AS included;
-- views show a project as a whole
SELECT token AS docs FROM regress_token_doc.held WHERE name = 'read_notes' \gset
BEGIN;
SELECT quire.authenticate(:'docs') IS NOT NULL AS bound;
SELECT count(*) FROM quire.oplog;
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(4800))$$);
COMMIT;
\c - regress_bob
SELECT t.error($$SELECT quire.mint_token(t.id(4800), '{doc:write:notes/**}', '1 hour')$$);
SELECT quire.mint_token(t.id(4800), '{doc:read}', '1 hour') IS NOT NULL AS minted;
-- who is demoted weakens what they have given away
\c - regress_alice
SELECT quire.set_project_member(t.id(4800), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT quire.mint_token(t.id(4800), '{doc:read,doc:write}', '1 hour') AS of_bob \gset
\c - regress_alice
SELECT quire.set_project_member(t.id(4800), t.actor('bob'), 'viewer') ->> 'role' AS role;
SELECT regress_token_doc.attempt(:'of_bob', $$SELECT quire.read_doc(t.id(4800), 'notes/a')$$) AS reads,
    regress_token_doc.attempt(:'of_bob', $$SELECT quire.put_doc(t.id(4800), 'notes/a', '{}')$$) AS writes,
    regress_token_doc.attempt(:'of_bob', $$SELECT quire.submit_tx(t.id(4800), '{}')$$) AS submits;
\c - postgres
SET client_min_messages = warning;
CALL t.drop(t.id(4800));
CALL t.drop(t.id(4801));
DROP SCHEMA regress_token_doc CASCADE;
