-- Schemas of documents: what is bound to one satisfies it after every write; queries and transactions that name one.
\c - regress_alice
SELECT quire.create_project('schemas', t.id(5520)) IS NOT NULL AS created;
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(t.error(statement), t.detail(statement) - '{code,project_id}'::text[]) $$;
CREATE FUNCTION pg_temp.written(doc text, changes bytea[], more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('doc', doc, 'changes', (SELECT jsonb_agg(encode(c, 'base64')) FROM unnest(changes) c)) || more $$;
-- documents that are there already are looked at, and stay
SELECT quire.put_doc(t.id(5520), 'notes/old', '{"title": 1}') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(5520), 'notes/deep/other', '{"title": 1}') ->> 'seq' AS seq;
SELECT quire.register_schema(t.id(5520), 'note', '{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["title"],
    "properties": {"title": {"type": "string", "minLength": 1}, "tags": {"items": {"$ref": "#/$defs/tag"}}, "n": {"$ref": "#/$defs/n"}}, "additionalProperties": false,
    "$defs": {"tag": {"type": "string", "pattern": "^[a-z]+$"}, "n": {"properties": {"$counter": {"maximum": 3}}}}}', 'notes/*');
SELECT quire.register_schema(t.id(5520), 'small', '{"maxProperties": 1}');
SELECT name, docs, schema - 'properties' AS schema, display_name, created_at > now() - interval '1 hour' AS lately FROM quire.list_schemas(t.id(5520));
SELECT quire.read_doc(t.id(5520), 'notes/old');
SELECT pg_temp.refusal($$SELECT quire.edit_doc(t.id(5520), 'notes/old', '[{"op": "add", "path": "/tags", "value": ["a"]}]')$$);
SELECT quire.put_doc(t.id(5520), 'notes/old', '{"title": "one"}') -> 'applied' AS repaired;
SELECT quire.put_doc(t.id(5520), 'notes/deep/other', '{"title": 2}') -> 'applied' AS not_bound;
-- every way to write
SELECT quire.put_doc(t.id(5520), 'notes/a', '{"title": "a", "tags": ["x"], "n": {"$counter": 3}}') -> 'applied' AS applied;
SELECT pg_temp.refusal(s) FROM unnest(ARRAY[
    $$SELECT quire.put_doc(t.id(5520), 'notes/a', '{}')$$, $$SELECT quire.put_doc(t.id(5520), 'notes/b', '{"title": "", "more": 1}')$$,
    $$SELECT quire.edit_doc(t.id(5520), 'notes/a', '[{"op": "add", "path": "/tags/-", "value": "X"}]')$$, $$SELECT quire.edit_doc(t.id(5520), 'notes/a', '[{"op": "increment", "path": "/n", "by": 1}]')$$,
    $$SELECT quire.splice_doc_text(t.id(5520), 'notes/a', '/title', 0, 1, '')$$, $$SELECT quire.apply_doc_changes(t.id(5520), 'notes/b', ARRAY[t.first_change()])$$,
    $$SELECT quire.import_doc(t.id(5520), 'notes/b', quire.automerge_from_json('{"title": true}'))$$,
    $$SELECT quire.commit_bundle(t.id(5520), jsonb_build_array('{"op": "file.put", "file_path": "f", "content": "x"}'::jsonb, pg_temp.written('notes/b', ARRAY[t.first_change()], '{"op": "doc.change"}')))$$,
    $$SELECT quire.commit_bundle(t.id(5520), jsonb_build_array(pg_temp.written('notes/b', ARRAY[t.first_change()], '{"op": "doc.change"}')), kind => 'import')$$]) s;
SELECT count(*) AS docs, max(seq) AS seq FROM quire.list_docs(t.id(5520));
SELECT quire.splice_doc_text(t.id(5520), 'notes/a', '/title', 0, 1, 'A') -> 'applied' AS applied;
SELECT quire.read_doc(t.id(5520), 'notes/a');
-- a job is committed as a whole or not at all
SELECT quire.begin_job(t.id(5520), 'writer') AS job \gset
SELECT quire.append_job_ops(t.id(5520), :'job', jsonb_build_array(pg_temp.written('notes/b', ARRAY[t.first_change()], '{"op": "doc.change"}'))) IS NOT NULL AS appended;
SELECT t.error(format('SELECT quire.finish_job(t.id(5520), %L)', :'job')) AS error;
SELECT quire.cancel_job(t.id(5520), :'job', 'no') IS NOT NULL AS cancelled;
-- what deletes is not looked at; what brings back is, and so is what an undo would restore
SELECT quire.delete_doc(t.id(5520), 'notes/a') -> 'ops' -> 0 ->> 'status' AS status;
SELECT t.error($$SELECT quire.put_doc(t.id(5520), 'notes/a', '{"title": 7}')$$) AS error;
SELECT quire.undo(t.id(5520)) ->> 'bundle_id' IS NOT NULL AS undone, quire.read_doc(t.id(5520), 'notes/a') AS back;
SELECT seq AS wrong FROM quire.doc_history(t.id(5520), 'notes/old') ORDER BY seq DESC LIMIT 1 \gset
SELECT t.error(format('SELECT quire.revert_bundle(t.id(5520), %s)', :wrong)) AS would_be_wrong;
-- branches: a document is bound on each, and a merge is looked at
SELECT quire.create_branch(t.id(5520), 'draft') ->> 'bundle_id' IS NOT NULL AS made;
SELECT pg_temp.refusal($$SELECT quire.edit_doc(t.id(5520), 'notes/a', '[{"op": "remove", "path": "/title"}]', 'draft')$$);
SELECT quire.edit_doc(t.id(5520), 'notes/a', '[{"op": "increment", "path": "/n", "by": -1}]', 'draft') -> 'applied' AS applied;
SELECT quire.delete_schema(t.id(5520), 'note');
SELECT quire.edit_doc(t.id(5520), 'notes/a', '[{"op": "increment", "path": "/n", "by": 9}]', 'draft') -> 'applied' AS applied;
SELECT r - 'violations' AS registered, r -> 'violations' AS violations FROM quire.register_schema(t.id(5520), 'note', '{"properties": {"n": {"properties": {"$counter": {"maximum": 3}}}}}', 'notes/*') r;
SELECT pg_temp.refusal($$SELECT quire.merge_branch(t.id(5520), 'draft')$$);
SELECT quire.edit_doc(t.id(5520), 'notes/a', '[{"op": "increment", "path": "/n", "by": -9}]', 'draft') -> 'applied' AS repaired;
SELECT quire.merge_branch(t.id(5520), 'draft') -> 'docs' -> 0 ->> 'doc' AS merged, quire.read_doc(t.id(5520), 'notes/a') -> 'n' AS n;
-- a long history is loaded for it
SELECT quire.register_schema(t.id(5520), 'list', '{"properties": {"list": {"items": {"type": "integer"}}}}', 'long') -> 'looked_at' AS looked_at;
SELECT quire.put_doc(t.id(5520), 'long', jsonb_build_object('list', (SELECT jsonb_agg(n) FROM generate_series(1, 3000) n), 't', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 5000) n))) -> 'applied' AS applied;
SELECT pg_temp.refusal($$SELECT quire.edit_doc(t.id(5520), 'long', '[{"op": "add", "path": "/list/2999", "value": "x"}]')$$);
SELECT quire.edit_doc(t.id(5520), 'long', '[{"op": "add", "path": "/list/2999", "value": 1}]') -> 'applied' AS applied;
-- submit_tx answers, and names a schema for all that it writes
SELECT array_agg(decode(c, 'base64')) AS good FROM quire.poll_events(t.id(5520)) e, jsonb_array_elements(e.payload -> 'docs') d, jsonb_array_elements_text(d -> 'changes') c WHERE d ->> 'doc' = 'notes/deep/other' AND e.seq = 2 \gset
SELECT quire.register_schema(t.id(5520), 'titled', '{"required": ["title"]}', 'tx/**') -> 'is_new' AS is_new;
SELECT r -> 'tx_id' AS tx_id, jsonb_path_query_array(r, '$.results[*].status') AS statuses, r #- '{conflicts,0,heads}' -> 'conflicts' AS conflicts FROM quire.submit_tx(t.id(5520), jsonb_build_object('writes', jsonb_build_array(pg_temp.written('tx/a', :'good'), pg_temp.written('tx/b', ARRAY[t.first_change()]), pg_temp.written('other', ARRAY[t.first_change()])))) r;
SELECT jsonb_path_query_array(r, '$.results[*].reason') AS reasons, jsonb_path_query_array(r, '$.results[*].schema') AS schemas FROM quire.submit_tx(t.id(5520), jsonb_build_object('writes', jsonb_build_array(pg_temp.written('tx/c', ARRAY[t.first_change()]), pg_temp.written('tx/b', ARRAY[t.first_change()])))) r;
SELECT r -> 'tx_id' AS tx_id, jsonb_path_query_array(r, '$.results[*].schema') AS schemas FROM quire.submit_tx(t.id(5520), jsonb_build_object('schema', 'titled', 'writes', jsonb_build_array(pg_temp.written('other', ARRAY[t.first_change()])))) r;
SELECT r ->> 'tx_id' IS NOT NULL AS done FROM quire.submit_tx(t.id(5520), jsonb_build_object('schema', 'titled', 'writes', jsonb_build_array(pg_temp.written('other', :'good')))) r;
SELECT t.error(format('SELECT quire.submit_tx(t.id(5520), %L)', jsonb_build_object('schema', s, 'writes', jsonb_build_array(pg_temp.written('x', ARRAY[t.first_change()]))))) FROM unnest(ARRAY['"none"', '""', '1']::jsonb[]) s;
-- with patches: from what each document was to what it is, of several writes at the last
SELECT jsonb_path_query_array(r, '$.results[*].keyvalue() ? (@.key == "patch" || @.key == "patch_omitted").value') AS patches FROM quire.submit_tx(t.id(5520), jsonb_build_object('client_tx_id', t.id(77), 'options', '{"return_patches": true}'::jsonb,
    'writes', jsonb_build_array(pg_temp.written('patched', ARRAY[t.first_change()]), pg_temp.written('patched', :'good'), pg_temp.written('other', :'good')))) r;
SELECT jsonb_path_query_array(r, '$.results[*].patch') AS patches, jsonb_path_query_array(r, '$.results[*].patch_omitted') AS omitted FROM quire.submit_tx(t.id(5520), jsonb_build_object('client_tx_id', t.id(77), 'options', '{"return_patches": true}'::jsonb,
    'writes', jsonb_build_array(pg_temp.written('patched', ARRAY[t.first_change()]), pg_temp.written('patched', :'good'), pg_temp.written('other', :'good')))) r;
SELECT r -> 'results' -> 0 -> 'status' AS status, r -> 'results' -> 0 ? 'patch' AS has_patch, r -> 'results' -> 0 -> 'patch_omitted' AS omitted FROM quire.submit_tx(t.id(5520), jsonb_build_object('options', '{"return_patches": true}'::jsonb, 'writes',
    jsonb_build_array(pg_temp.written('large', quire.automerge_changes(quire.automerge_from_json((SELECT jsonb_build_object('list', jsonb_agg(n)) FROM generate_series(1, 50000) n))))))) r;
SELECT t.error(format('SELECT quire.submit_tx(t.id(5520), %L)', jsonb_build_object('options', '{"return_patches": 1}'::jsonb, 'writes', jsonb_build_array(pg_temp.written('x', ARRAY[t.first_change()])))));
-- a transaction that sees an older state asks for the schemas that there are now
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT t.error($$SELECT quire.put_doc(t.id(5520), 'tx/d', '{}')$$) AS error;
ROLLBACK;
-- queries: what satisfies a schema, on a branch and in the past, too
SELECT jsonb_path_query_array(quire.query_docs(t.id(5520), q || '{"select": []}'), '$.docs[*].doc') AS docs FROM unnest(ARRAY['{"where": {"schema": "titled"}}', '{"where": {"not": {"schema": "titled"}}}', '{"where": {"and": [{"schema": "small"}, {"path": "/title", "exists": true}]}}',
    '{"where": {"schema": "small"}, "sort": [{"path": "/title", "desc": true}], "limit": 2}', '{"where": {"schema": "titled"}, "branch": "draft"}', '{"where": {"not": {"schema": "titled"}}, "at_seq": 1}', '{"where": {"schema": "titled"}, "at_seq": 1}']::jsonb[]) q;
SELECT quire.query_docs(t.id(5520), '{"where": {"schema": "small"}, "limit": 1, "count": true}') -> 'count' AS count, s ->> 'finds' AS finds FROM quire.explain_query(t.id(5520), '{"where": {"schema": "small"}}') r, jsonb_array_elements(r -> 'statements') s;
SELECT pg_temp.refusal(format('SELECT quire.query_docs(t.id(5520), %L)', q)) FROM unnest(ARRAY['{"where": {"schema": "none"}}', '{"where": {"schema": 1}}', '{"where": {"schema": "small", "path": "/a"}}']) q;
-- what is no schema here
SELECT pg_temp.refusal(format('SELECT quire.register_schema(t.id(5520), ''bad'', %L)', s)) FROM unnest(ARRAY['1', '{"type": "text"}', '{"$ref": "https://example.com/a"}', '{"$ref": "#/$defs/none"}', '{"pattern": "(?=x)"}', '{"$schema": "http://json-schema.org/draft-07/schema#"}', '{"properties": {"a": {"$id": "b"}}}', '{"$dynamicRef": "#a"}']) s;
SELECT t.error(s) FROM unnest(ARRAY[$$SELECT quire.register_schema(t.id(5520), 'bad', jsonb_build_object('const', repeat('x', 70000)))$$, $$SELECT quire.register_schema(t.id(5520), '', '{}')$$, $$SELECT quire.register_schema(t.id(5520), 'bad', '{}', '[')$$,
    $$SELECT quire.register_schema(NULL, 'bad', '{}')$$, $$SELECT quire.register_schema(t.id(5520), NULL, '{}')$$, $$SELECT quire.register_schema(t.id(5520), 'bad', NULL)$$, $$SELECT quire.delete_schema(t.id(5520), NULL)$$, $$SELECT quire.delete_schema(NULL, 'x')$$,
    $$SELECT quire.delete_schema(t.id(5520), 'none')$$, $$SELECT * FROM quire.list_schemas(NULL)$$]) s;
SELECT string_agg(name, ' ' ORDER BY name) AS schemas FROM quire.list_schemas(t.id(5520));
-- what would take for ever is refused
SELECT quire.register_schema(t.id(5520), 'twice', '{"$ref": "#/$defs/a0"}'::jsonb || jsonb_build_object('$defs', (SELECT jsonb_object_agg('a' || n, jsonb_build_object('anyOf', jsonb_build_array(jsonb_build_object('$ref', '#/$defs/a' || n + 1), jsonb_build_object('$ref', '#/$defs/a' || n + 1)))) FROM generate_series(0, 50) n) || '{"a51": {"type": "string"}}'), 'twice') -> 'is_new' AS is_new;
SELECT pg_temp.refusal($$SELECT quire.put_doc(t.id(5520), 'twice', '{}')$$);
SELECT quire.delete_schema(t.id(5520), 'twice');
-- a clone has the schemas, and its documents stay as they are
SELECT quire.register_schema(t.id(5520), 'none', 'false', 'long') -> 'violating' AS violating;
SELECT quire.clone_project(t.id(5520), 'cloned') AS clone \gset
SELECT string_agg(name, ' ' ORDER BY name) AS schemas FROM quire.list_schemas(:'clone');
SELECT quire.read_doc(:'clone', 'long') -> 'list' ->> 0 AS first, t.error(format('SELECT quire.put_doc(%L, ''long'', ''{}'')', :'clone')) AS error;
-- who may: owners register, readers list
SELECT quire.set_project_member(t.id(5520), t.actor('bob'), 'editor'), quire.set_project_member(t.id(5520), t.actor('carol'), 'viewer');
\c - regress_bob
SELECT t.error($$SELECT quire.register_schema(t.id(5520), 's', '{}')$$), t.error($$SELECT quire.delete_schema(t.id(5520), 'small')$$), t.error($$SELECT quire.put_doc(t.id(5520), 'tx/e', '{}')$$);
\c - regress_carol
SELECT count(*) AS schemas FROM quire.list_schemas(t.id(5520));
\c - regress_alice
SELECT quire.archive_project(t.id(5520)) IS NOT NULL AS archived;
SELECT t.error($$SELECT quire.register_schema(t.id(5520), 's', '{}')$$), t.error($$SELECT quire.delete_schema(t.id(5520), 'small')$$);
SELECT quire.unarchive_project(t.id(5520)) IS NOT NULL AS unarchived;
-- without schemas nothing is looked for
SELECT quire.delete_schema(t.id(5520), name) FROM quire.list_schemas(t.id(5520));
SELECT quire.put_doc(t.id(5520), 'long', '{}') -> 'applied' AS applied;
SELECT v -> 'findings' AS findings FROM quire.verify_project(t.id(5520)) v;
SELECT quire.register_schema(t.id(5520), 'any', 'true', '**') -> 'is_complete' AS is_complete;
-- what is too large to be read cannot be looked at; who registers hears of it
\c - postgres
SET quire.max_doc_json_bytes = '256kB';
SELECT t.error($$SELECT quire.edit_doc(t.id(5520), 'large', '[{"op": "add", "path": "/a", "value": 1}]')$$) AS error;
SELECT r -> 'violating' AS violating, r -> 'violations' AS violations FROM quire.register_schema(t.id(5520), 'any', 'true', 'lar*') r;
RESET quire.max_doc_json_bytes;
-- a project takes its schemas with it
CALL t.drop(t.id(5520));
CALL t.drop(:'clone');
SELECT count(*) AS left_over FROM quire_store.doc_schema;
