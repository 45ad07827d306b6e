-- Results in JSON have the members that the description of their function says, and no others. What is the caller's own, or another form's, is looked
-- into no further: settings, fields, values, operations, keys, headers, details, plans, parameters.
SELECT quire.create_project('shapes', t.id(4990)) IS NOT NULL AS created;
CREATE TEMP TABLE result (f text, j jsonb);
SELECT t.id(4990) AS p \gset
INSERT INTO result VALUES ('whoami', quire.whoami()), ('set_project_member', quire.set_project_member(:'p', t.actor('bob'), 'editor'));
INSERT INTO result VALUES ('bulk_upsert_project_files', quire.bulk_upsert_project_files(:'p', '[{"file_path": "a", "content": "1"}, {"file_path": "b", "content": "x"}]'));
INSERT INTO result VALUES ('bulk_delete_project_files', quire.bulk_delete_project_files(:'p', '{b}'));
SELECT version FROM quire.upsert_project_file(:'p', 'm', E'a\nb\nc\n');
SELECT version FROM quire.upsert_project_file(:'p', 'm', E'A\nb\nc\n');
INSERT INTO result VALUES ('merge_project_file', quire.merge_project_file(:'p', 'm', E'x\nb\nc\n', 1));
INSERT INTO result VALUES ('restore_project', quire.restore_project(:'p', 1, true));
INSERT INTO result VALUES ('commit_bundle', quire.commit_bundle(:'p', '[{"op": "file.put", "file_path": "c", "content": "2"}, {"op": "file.move", "from_path": "c", "to_path": "d"},
    {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "x", "value": 1}, {"op": "field.set", "entity_type": "t", "entity_id": "2", "field": "x", "value": 1}, {"op": "entity.delete", "entity_type": "t", "entity_id": "2"},
    {"op": "asset.put", "filename": "f", "media_type": "a/b", "asset_type": "c", "content_base64": "eno="}]'));
INSERT INTO result VALUES ('import_doc', quire.import_doc(:'p', 'imported', quire.automerge_from_json('{"a": 1}')));
INSERT INTO result VALUES ('apply_doc_changes', quire.apply_doc_changes(:'p', 'd', ARRAY[t.first_change()])), ('edit_doc', quire.edit_doc(:'p', 'd', '[{"op": "add", "path": "/t", "value": "x"}]')), ('put_doc', quire.put_doc(:'p', 'd', '{"t": "x", "a": 1}')),
    ('splice_doc_text', quire.splice_doc_text(:'p', 'd', '/t', 0, 0, 'y'));
INSERT INTO result VALUES ('submit_tx', quire.submit_tx(:'p', jsonb_build_object('reads', '[{"doc": "none", "heads": []}]'::jsonb, 'writes', jsonb_build_array(jsonb_build_object('doc', 'tx', 'changes', jsonb_build_array(encode(t.first_change(), 'base64')))))));
INSERT INTO result SELECT 'submit_tx', quire.submit_tx(:'p', jsonb_build_object('reads', jsonb_build_array(jsonb_build_object('doc', 'd', 'heads', '[]'::jsonb)), 'writes', jsonb_build_array(jsonb_build_object('doc', 'less', 'changes', payload #> '{docs,0,changes}'))))
FROM quire.poll_events(:'p') WHERE event = 'doc:update' ORDER BY seq DESC LIMIT 1;
INSERT INTO result VALUES ('explain_doc', quire.explain_doc(:'p', 'd', '/t')), ('query_docs', quire.query_docs(:'p', '{"count": true}')), ('explain_query', quire.explain_query(:'p', '{}'));
INSERT INTO result VALUES ('register_schema', quire.register_schema(:'p', 's', '{"required": ["none"]}', '**'));
SELECT quire.delete_schema(:'p', 's');
INSERT INTO result VALUES ('bind_doc_to_file', quire.bind_doc_to_file(:'p', 'd', 'bound', 't'));
SELECT quire.unbind_doc(:'p', 'd');
-- Two who write at once, none knowing of the other: what another project made of the same beginning.
SELECT quire.clone_project(:'p', 'aside') AS aside \gset
SELECT quire.put_doc(:'aside', 'd', '{"t": "yx", "a": 2}') IS NOT NULL AS put;
SELECT quire.put_doc(:'p', 'd', '{"t": "yx", "a": 3}') IS NOT NULL AS put;
INSERT INTO result SELECT 'commit_bundle', quire.commit_bundle(:'p', jsonb_build_array(jsonb_build_object('op', 'doc.change', 'doc', 'd', 'changes', payload #> '{docs,0,changes}')))
FROM quire.poll_events(:'aside', with_content => true) ORDER BY seq DESC LIMIT 1;
INSERT INTO result VALUES ('doc_conflicts', quire.doc_conflicts(:'p', 'd')), ('delete_doc', quire.delete_doc(:'p', 'd'));
SELECT quire.delete_project(:'aside', 'aside') IS NOT NULL AS deleted;
INSERT INTO result SELECT 'get_bundle', quire.get_bundle(:'p', (quire.get_project(:'p') ->> 'seq')::bigint);
INSERT INTO result VALUES ('get_entity', quire.get_entity(:'p', 't', '1'));
SELECT version FROM quire.upsert_project_file(:'p', 'm', E'A\nb\nd\n');
INSERT INTO result SELECT 'undo', quire.revert_bundle(:'p', 4, 'skip');
INSERT INTO result VALUES ('create_branch', quire.create_branch(:'p', 'b')), ('put_doc', quire.put_doc(:'p', 'on b', '{"a": 1}')), ('put_doc', quire.put_doc(:'p', 'on b', '{"a": 2}', 'b')), ('put_doc', quire.put_doc(:'p', 'on b', '{"a": 3}'));
INSERT INTO result VALUES ('merge_branch', quire.merge_branch(:'p', 'b')), ('get_branch', quire.get_branch(:'p', 'b')), ('close_branch', quire.close_branch(:'p', 'b')), ('delete_branch', quire.delete_branch(:'p', 'b'));
INSERT INTO result VALUES ('commit_bundle', quire.commit_bundle(:'p', '[{"op": "branch.create", "branch": "c"}]'));
INSERT INTO result VALUES ('verify_project', quire.verify_project(:'p')), ('replay_project', quire.replay_project(:'p'));
INSERT INTO result VALUES ('sync_pull', quire.sync_pull(:'p', 'peer')), ('sync_status', quire.sync_status(:'p', 'peer'));
INSERT INTO result VALUES ('put_asset', quire.put_asset(:'p', 'f', 'zz', 'a/b', 'c'));
INSERT INTO result SELECT 'get_asset', quire.get_asset(:'p', content_hash) FROM quire.list_assets(:'p');
INSERT INTO result SELECT 'archive_blob', quire.archive_blob(:'p', content_hash, encode(sha256('zz'), 'hex')) FROM quire.list_assets(:'p');
INSERT INTO result SELECT 'restore_blob', quire.restore_blob(:'p', content_hash, 'zz') FROM quire.list_assets(:'p');
INSERT INTO result SELECT f, j FROM (SELECT quire.automerge_merge(quire.automerge_from_json('{"a": 1}'), quire.automerge_from_json('{"a": 2}')) AS doc) d,
    LATERAL (VALUES ('automerge_conflicts', quire.automerge_conflicts(doc)), ('automerge_diff', quire.automerge_diff(doc, '{}'))) r(f, j);
INSERT INTO result VALUES ('gc_run', quire.gc_run(:'p')), ('pack_docs', quire.pack_docs(:'p')), ('get_project', quire.get_project(:'p')), ('get_project_stats', quire.get_project_stats(:'p'));
INSERT INTO result VALUES ('create_project_snapshot', quire.create_project_snapshot(:'p'));
INSERT INTO result SELECT 'verify_snapshot', quire.verify_snapshot(:'p', (j ->> 'snapshot_id')::uuid) FROM result WHERE f = 'create_project_snapshot';
INSERT INTO result VALUES ('plan_hydration', quire.plan_hydration(:'p', '{}')), ('begin_session', quire.begin_session(:'p'));
INSERT INTO result VALUES ('authenticate', quire.authenticate(quire.mint_token(:'p', '{project:read}', '1 hour')));
-- The names of members, at whatever depth.
CREATE TEMP VIEW member AS
WITH RECURSIVE part(f, name, j) AS (
    SELECT f, NULL, j FROM result
    UNION
    SELECT p.f, m.name, m.j FROM part p CROSS JOIN LATERAL (
        SELECT key, value FROM jsonb_each(CASE jsonb_typeof(p.j) WHEN 'object' THEN p.j ELSE '{}' END)
        UNION ALL SELECT p.name, value FROM jsonb_array_elements(CASE jsonb_typeof(p.j) WHEN 'array' THEN p.j ELSE '[]' END)) AS m(name, j)
    WHERE p.name IS NULL OR p.name NOT IN ('value', 'settings', 'fields', 'before', 'after', 'entity', 'key', 'header', 'details', 'op', 'plan', 'parameters')
       OR jsonb_typeof(p.j) <> 'object')
SELECT DISTINCT f, name FROM part WHERE name IS NOT NULL;
CREATE TEMP VIEW shape AS
SELECT p.proname AS f, m[1] AS name, m[2] = '?' AS is_optional
FROM pg_proc p, LATERAL (SELECT string_agg(line, E'\n') AS shape FROM regexp_split_to_table(obj_description(p.oid, 'pg_proc'), E'\n') line WHERE line LIKE '    %') s,
    regexp_matches(s.shape, '(\w+)(\??): ', 'g') m
WHERE p.pronamespace = 'quire'::regnamespace;
SELECT count(DISTINCT f) > 25 AS functions, count(*) > 200 AS members FROM member;
SELECT f, name AS not_described FROM member EXCEPT SELECT f, name FROM shape ORDER BY 1, 2;
-- what is described and not there: what this project gave no reason for
SELECT f, string_agg(name, ' ' ORDER BY name) AS not_seen FROM (
    SELECT s.f, s.name FROM shape s WHERE NOT s.is_optional AND s.f IN (SELECT f FROM result) EXCEPT SELECT f, name FROM member) n
GROUP BY f ORDER BY f;
-- every shape is checked, but for these
SELECT DISTINCT f FROM shape WHERE f NOT IN (SELECT f FROM result) ORDER BY f;
