-- sync_pull, sync_ack, sync_push, sync_status, sync_reset: shapes, errors, privileges. Two databases exchange in the end-to-end tests.
\c - regress_alice
SELECT quire.create_project('peer', t.id(3200)) IS NOT NULL AS created;
SELECT quire.commit_bundle(t.id(3200), '[
    {"op": "file.put", "file_path": "a", "content": "one"},
    {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1}]', message => 'first') ->> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(3200), '[
    {"op": "file.move", "from_path": "a", "to_path": "b"},
    {"op": "entity.delete", "entity_type": "t", "entity_id": "1"}]') ->> 'seq' AS seq;
SELECT quire.create_project_snapshot(t.id(3200)) ->> 'seq' AS seq;
SELECT quire.undo(t.id(3200)) ->> 'seq' AS seq;
SELECT quire.sync_status(t.id(3200), 'laptop') - ARRAY['checksum', 'acked_checksum'] AS status;
-- whole bundles, at least one; what changes no content does not travel
SELECT p ->> 'after_seq' AS after_seq, p ->> 'checkpoint' AS checkpoint, p ->> 'has_more' AS has_more, jsonb_array_length(p -> 'bundles') AS bundles FROM quire.sync_pull(t.id(3200), 'laptop', 1) p;
SELECT p ->> 'checkpoint' AS checkpoint, p ->> 'has_more' AS has_more, jsonb_array_length(p -> 'bundles') AS bundles, p -> 'corrupt' AS corrupt FROM quire.sync_pull(t.id(3200), 'laptop') p;
SELECT b ->> 'seq' AS seq, o -> 'op' ->> 'op' AS op, o ? 'base' AS base, o -> 'moved' ->> 'size' AS moved, o -> 'fields' -> 0 ->> 'field' AS field, jsonb_array_length(b -> 'contents') AS contents, (b ->> 'undoes_bundle_id') IS NOT NULL AS undoes
FROM quire.sync_pull(t.id(3200), 'laptop') p, jsonb_array_elements(p -> 'bundles') b, jsonb_array_elements(b -> 'ops') o;
-- an undo names the bundle it takes back, and how to find it where that was made
SELECT b ->> 'seq' AS seq, b ->> 'undoes_made_as' AS undoes_made_as FROM quire.sync_pull(t.id(3200), 'laptop') p, jsonb_array_elements(p -> 'bundles') b;
SELECT jsonb_object_keys(b -> 'header') AS header FROM quire.sync_pull(t.id(3200), 'laptop', 1) p, jsonb_array_elements(p -> 'bundles') b ORDER BY 1;
SELECT quire.sync_ack(t.id(3200), 'laptop', 2);
SELECT quire.sync_ack(t.id(3200), 'laptop', 1);
SELECT p ->> 'after_seq' AS after_seq, p ->> 'checkpoint' AS checkpoint, jsonb_array_length(p -> 'bundles') AS bundles FROM quire.sync_pull(t.id(3200), 'laptop') p;
-- our own bundles, back again
SELECT status, reasons, r.seq FROM quire.sync_pull(t.id(3200), 'laptop', 100, 0) p, quire.sync_push(t.id(3200), 'laptop', 7, p -> 'bundles') r;
SELECT quire.sync_status(t.id(3200), 'laptop') - ARRAY['checksum', 'acked_checksum'] AS status;
SELECT seq FROM quire.bundles WHERE project_id = t.id(3200) ORDER BY seq DESC LIMIT 1;
-- nothing tells from where a page without bundles goes on
SELECT count(*) FROM quire.sync_push(t.id(3200), 'laptop', 8, '[]');
SELECT quire.sync_status(t.id(3200), 'laptop') ->> 'checkpoint' AS checkpoint;
SELECT count(*) FROM quire.sync_push(t.id(3200), 'laptop', 8, '[]', after_seq => 7);
SELECT quire.sync_status(t.id(3200), 'laptop') ->> 'checkpoint' AS checkpoint;
-- a bundle of another project, or of no shape, changes nothing
SELECT quire.create_project('peer 2', t.id(3201)) IS NOT NULL AS created;
SELECT quire.sync_pull(t.id(3200), 'x') -> 'bundles' AS bundles \gset
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3201), ''x'', 1, %L)', :'bundles'));
SELECT t.error($$SELECT * FROM quire.sync_push(t.id(3200), 'x', 1, '[{}]')$$);
SELECT t.error($$SELECT * FROM quire.sync_push(t.id(3200), 'x', 1, '[1]')$$);
SELECT t.error($$SELECT * FROM quire.sync_push(t.id(3200), 'x', 1, '{}')$$);
SELECT t.error($$SELECT * FROM quire.sync_push(t.id(3200), 'x', -1, '[]')$$);
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{0,ops,0,op,op}', '"snapshot.ready"')));
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{0,ops,0,op,file_path}', '"../up"')));
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{0,header,seq}', '"one"')));
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{0,checksum}', '"12"')));
SELECT t.error($$SELECT * FROM quire.sync_push(t.id(3200), NULL, 1, '[]')$$);
SELECT t.error($$SELECT * FROM quire.sync_push(t.id(3200), 'x', NULL, '[]')$$);
SELECT t.error($$SELECT * FROM quire.sync_push(t.id(3200), 'x', 1, NULL)$$);
SELECT t.error($$SELECT quire.sync_pull(t.id(3200), '')$$);
SELECT t.error($$SELECT quire.sync_pull(t.id(3200), 'x', 0)$$);
SELECT t.error($$SELECT quire.sync_pull(t.id(3200), 'x', after_seq => 99)$$);
SELECT t.error($$SELECT quire.sync_pull(NULL, 'x')$$);
SELECT t.error($$SELECT quire.sync_ack(t.id(3200), 'x', 99)$$);
SELECT t.error($$SELECT quire.sync_ack(t.id(3200), 'x', NULL)$$);
SELECT t.error($$SELECT quire.sync_status(t.id(3200), NULL)$$);
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{0,header,committed_at}', '9223372036854775807')));
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{0,header,committed_at}', '9007199254740992')));
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{0,header,message}', to_jsonb(repeat('m', 70000)))));
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{0,display_name}', to_jsonb(repeat('n', 300)))));
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{0,ops,0,op,file_type}', '""')));
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{1,ops,0,moved,file_type}', '""')));
SELECT t.error(format('SELECT * FROM quire.sync_push(t.id(3200), ''x'', 1, %L)', jsonb_set(:'bundles', '{0,undoes_made_as}', '"one"')));
SELECT status, reasons ->> 0 AS reason FROM quire.sync_push(t.id(3200), 'x', 1, jsonb_set(:'bundles', '{0,ops,0,op,size}', '99')) LIMIT 1;
-- a kind that no bundle has
SELECT status, regexp_replace(reasons ->> 0, '[0-9a-f-]{36}', 'that one') AS reason FROM quire.sync_push(t.id(3200), 'x', 1, jsonb_set(:'bundles', '{0,header,kind}', '"system"'));
-- what came from a peer says so, whoever it says made it; what was made here does not
SELECT quire.create_project('peer 3', t.id(3202)) IS NOT NULL AS created;
SELECT quire.commit_bundle(t.id(3202), '[{"op": "file.put", "file_path": "a", "content": "one"},
    {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1}]') ->> 'seq' AS seq;
SELECT quire.sync_pull(t.id(3202), 'x') -> 'bundles' AS bundles \gset
SELECT quire.delete_project(t.id(3202), 'peer 3');
SELECT quire.create_project('peer 3', t.id(3202), visibility => 'public') IS NOT NULL AS created;
SELECT status, reasons, r.seq FROM quire.sync_push(t.id(3202), 'laptop', 1, :'bundles') r;
SELECT version FROM quire.upsert_project_file(t.id(3202), 'a', 'two');
SELECT seq, target, display_name, from_peer FROM quire.search_ops(t.id(3202));
SELECT seq, event, payload ->> 'from_peer' AS from_peer, payload ? 'from_peer' AS says_so FROM quire.poll_events(t.id(3202));
SELECT seq, quire.get_bundle(t.id(3202), seq) ->> 'from_peer' AS from_peer FROM generate_series(1, 2) seq;
-- owners only
SELECT quire.set_project_member(t.id(3200), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT t.error($$SELECT quire.sync_pull(t.id(3200), 'x')$$);
SELECT t.error($$SELECT * FROM quire.sync_push(t.id(3200), 'x', 1, '[]')$$);
\c - regress_alice
SELECT quire.archive_project(t.id(3200)) ->> 'status' AS status;
SELECT t.error($$SELECT * FROM quire.sync_push(t.id(3200), 'x', 1, '[]')$$);
