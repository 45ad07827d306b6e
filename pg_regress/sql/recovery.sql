-- verify_project, replay_project, the quarantine. Rows are spoilt by a superuser, past the guards.
\c - regress_alice
SELECT quire.create_project('recovery', t.id(3100)) IS NOT NULL AS created;
SELECT quire.commit_bundle(t.id(3100), '[
    {"op": "file.put", "file_path": "a", "content": "one"},
    {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1},
    {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "g", "value": "x"}]') ->> 'seq' AS seq;
SELECT version FROM quire.upsert_project_file(t.id(3100), 'b', repeat('0123456789', 300000));
SELECT quire.commit_bundle(t.id(3100), '[
    {"op": "file.move", "from_path": "a", "to_path": "c"},
    {"op": "entity.delete", "entity_type": "t", "entity_id": "1"}]', message => 'third') ->> 'seq' AS seq;
SELECT quire.undo(t.id(3100)) ->> 'seq' AS seq;
SELECT quire.create_project_snapshot(t.id(3100)) ->> 'seq' AS seq;
SELECT quire.verify_project(t.id(3100)) - 'project_id' AS sound;
SELECT quire.verify_project(t.id(3100), 'log') ->> 'blobs' AS blobs;
SELECT quire.replay_project(t.id(3100)) - 'project_id' AS replayed;
SELECT quire.replay_project(t.id(3100), 1) - 'project_id' AS replayed;
SELECT quire.replay_project(t.id(3100), 0) - 'project_id' AS replayed;
SELECT count(*) FROM quire.list_quarantine(t.id(3100), true);

-- every stored kind, one after the other: spoilt, found, refused to readers, repaired
-- a blob
\c - postgres
CALL t.spoil($$UPDATE quire_store.blob SET bytes = set_byte(bytes, 1, 255) WHERE project_id = t.id(3100) AND chunk_count = 0$$);
\c - regress_alice
SELECT t.error($$SELECT quire.read_project_file_bytes(t.id(3100), 'a')$$);
SELECT f ->> 'kind' AS kind, f -> 'key' AS key, f ->> 'fault' AS fault, f ->> 'description' AS description FROM quire.verify_project(t.id(3100)) v, jsonb_array_elements(v -> 'findings') f;
SELECT kind, fault, status FROM quire.list_quarantine(t.id(3100));
DO $$
DECLARE
    detail text;
BEGIN
    PERFORM quire.read_project_file(t.id(3100), 'a');
EXCEPTION WHEN SQLSTATE 'XX001' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RAISE NOTICE 'named: %', (SELECT detail::jsonb ->> 'quarantine_id' = quarantine_id::text FROM quire.list_quarantine(t.id(3100)));
END
$$;
SELECT t.error($$SELECT content FROM quire.project_files_current WHERE project_id = t.id(3100) AND file_path = 'a'$$);
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(3100), 'a')$$);
SELECT seq, payload ->> 'content_omitted' AS omitted FROM quire.poll_events(t.id(3100), 0, 1);
SELECT t.error($$SELECT quire.repair(t.id(3100), quarantine_id) FROM quire.list_quarantine(t.id(3100))$$);
SELECT t.error($$SELECT quire.repair(t.id(3100), quarantine_id, '{"content": "two"}') FROM quire.list_quarantine(t.id(3100))$$);
SELECT t.error($$SELECT quire.repair(t.id(3100), quarantine_id, '{"text": "one"}') FROM quire.list_quarantine(t.id(3100))$$);
SELECT quire.repair(t.id(3100), quarantine_id, '{"content": "one"}') ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3100));
SELECT content FROM quire.read_project_file(t.id(3100), 'a');
SELECT quire.verify_project(t.id(3100)) ->> 'is_sound' AS sound;
SELECT status, ended_by = t.actor('alice') AS by_alice FROM quire.list_quarantine(t.id(3100), true);
SELECT t.error($$SELECT quire.repair(t.id(3100), quarantine_id, '{"content": "one"}') FROM quire.list_quarantine(t.id(3100), true)$$);
-- a chunk
\c - postgres
CALL t.spoil($$UPDATE quire_store.blob_chunk SET bytes = set_byte(bytes, 20, get_byte(bytes, 20) # 1) WHERE project_id = t.id(3100) AND ordinal = 2$$);
\c - regress_alice
SELECT t.error($$SELECT quire.read_project_file_bytes(t.id(3100), 'b')$$);
SELECT f ->> 'kind' AS kind, f ->> 'fault' AS fault FROM quire.verify_project(t.id(3100)) v, jsonb_array_elements(v -> 'findings') f;
SELECT quire.repair(t.id(3100), quarantine_id, jsonb_build_object('content', repeat('0123456789', 300000))) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3100));
SELECT quire.verify_project(t.id(3100)) ->> 'is_sound' AS sound;
-- operations on files and on fields
\c - postgres
CALL t.spoil($$UPDATE quire_store.project_files SET file_type = 'x' WHERE project_id = t.id(3100) AND bundle_seq = 2$$);
CALL t.spoil($$UPDATE quire_store.entity_op SET value = '"y"' WHERE project_id = t.id(3100) AND bundle_seq = 1 AND field = 'g'$$);
CALL t.spoil($$UPDATE quire_store.entity_op SET op_checksum = set_byte(op_checksum, 0, get_byte(op_checksum, 0) # 1) WHERE project_id = t.id(3100) AND bundle_seq = 3 AND part = 1$$);
\c - regress_alice
SELECT f ->> 'kind' AS kind, f -> 'key' AS key, f ->> 'fault' AS fault, f ->> 'description' AS description FROM quire.verify_project(t.id(3100)) v, jsonb_array_elements(v -> 'findings') f;
SELECT t.error($$SELECT * FROM quire.poll_events(t.id(3100))$$);
SELECT t.error($$SELECT * FROM quire.entity_history(t.id(3100), 't', '1')$$);
SELECT t.error($$SELECT * FROM quire.project_file_history(t.id(3100), 'b')$$);
SELECT t.error($$SELECT quire.get_bundle(t.id(3100), 1)$$);
SELECT t.error($$SELECT * FROM quire.search_ops(t.id(3100))$$);
SELECT seq FROM quire.poll_events(t.id(3100), 3);
SELECT quire.replay_project(t.id(3100)) -> 'is_equal' AS is_equal;
SELECT t.error($$SELECT quire.repair(t.id(3100), quarantine_id, '{"op": {"op": "file.delete", "file_path": "b"}}') FROM quire.list_quarantine(t.id(3100)) WHERE kind = 'file_op'$$);
SELECT t.error($$SELECT quire.repair(t.id(3100), quarantine_id, '{"op": {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "g", "value": "z"}}') FROM quire.list_quarantine(t.id(3100)) WHERE kind = 'field_op' AND fault = 'content'$$);
SELECT quire.repair(t.id(3100), quarantine_id, jsonb_build_object('op', jsonb_build_object('op', 'file.put', 'file_path', 'b', 'file_type', 'b', 'mode', '100644', 'size', 3000000,
    'content_hash', (SELECT content_hash FROM quire.project_files_current WHERE project_id = t.id(3100) AND file_path = 'b')))) ->> 'repaired_from' AS repaired_from
FROM quire.list_quarantine(t.id(3100)) WHERE kind = 'file_op';
SELECT quire.repair(t.id(3100), quarantine_id, '{"op": {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "g", "value": "x"}}') ->> 'repaired_from' AS repaired_from
FROM quire.list_quarantine(t.id(3100)) WHERE kind = 'field_op' AND fault = 'content';
SELECT quire.repair(t.id(3100), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3100)) WHERE fault = 'checksum';
SELECT quire.verify_project(t.id(3100)) ->> 'is_sound' AS sound;
-- bundles
\c - postgres
CALL t.spoil($$UPDATE quire_store.bundle SET checksum = set_byte(checksum, 3, get_byte(checksum, 3) # 8) WHERE project_id = t.id(3100) AND seq = 2$$);
CALL t.spoil($$UPDATE quire_store.bundle SET prev_checksum = set_byte(prev_checksum, 3, get_byte(prev_checksum, 3) # 8) WHERE project_id = t.id(3100) AND seq = 4$$);
CALL t.spoil($$UPDATE quire_store.bundle SET message = 'fourth' WHERE project_id = t.id(3100) AND seq = 3$$);
\c - regress_alice
SELECT f ->> 'kind' AS kind, f -> 'key' AS key, f ->> 'fault' AS fault, f ->> 'description' AS description FROM quire.verify_project(t.id(3100), 'log') v, jsonb_array_elements(v -> 'findings') f;
SELECT quire.repair(t.id(3100), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3100)) WHERE fault LIKE '%checksum';
SELECT t.error($$SELECT quire.repair(t.id(3100), quarantine_id, jsonb_build_object('header', jsonb_build_object('project_id', t.id(3100), 'seq', 3,
    'bundle_id', u.bundle_id, 'kind', u.kind, 'actor_id', u.actor, 'message', 'fifth', 'committed_at', (extract(epoch FROM u.committed_at) * 1000000)::bigint)))
FROM quire.list_quarantine(t.id(3100)) q, quire.bundles u WHERE q.fault = 'content' AND u.project_id = t.id(3100) AND u.seq = 3$$);
SELECT quire.repair(t.id(3100), quarantine_id, jsonb_build_object('header', jsonb_build_object('project_id', t.id(3100), 'seq', 3,
    'bundle_id', u.bundle_id, 'kind', u.kind, 'actor_id', u.actor, 'message', 'third', 'committed_at', (extract(epoch FROM u.committed_at) * 1000000)::bigint))) ->> 'repaired_from' AS repaired_from
FROM quire.list_quarantine(t.id(3100)) q, quire.bundles u WHERE q.fault = 'content' AND u.project_id = t.id(3100) AND u.seq = 3;
SELECT fault, key FROM quire.list_quarantine(t.id(3100));
SELECT quire.verify_project(t.id(3100)) IS NOT NULL AS verified;
SELECT quire.repair(t.id(3100), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3100));
SELECT quire.verify_project(t.id(3100)) ->> 'is_sound' AS sound;
-- current state
\c - postgres
CALL t.spoil($$UPDATE quire_store.entity_field SET value = '2' WHERE project_id = t.id(3100) AND field = 'f'$$);
CALL t.spoil($$UPDATE quire_store.file_head SET size = 7 WHERE project_id = t.id(3100) AND file_path = 'b'$$);
CALL t.spoil($$UPDATE quire_store.project_head SET checksum = set_byte(checksum, 3, get_byte(checksum, 3) # 8) WHERE project_id = t.id(3100)$$);
\c - regress_alice
SELECT f ->> 'kind' AS kind, f -> 'key' AS key, f ->> 'fault' AS fault, f ->> 'description' AS description FROM quire.verify_project(t.id(3100), 'state') v, jsonb_array_elements(v -> 'findings') f;
SELECT quire.verify_project(t.id(3100)) -> 'findings' -> 0 ->> 'quarantine_id' = (SELECT quarantine_id::text FROM quire.list_quarantine(t.id(3100)) LIMIT 1) AS found_once;
SELECT t.error($$SELECT quire.get_entity(t.id(3100), 't', '1')$$);
SELECT t.error($$SELECT * FROM quire.list_entities(t.id(3100), 't')$$);
SELECT t.error($$SELECT * FROM quire.explain_entity(t.id(3100), 't', '1')$$);
SELECT t.error($$SELECT * FROM quire.read_project_file(t.id(3100), 'b')$$);
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(3100))$$);
SELECT count(*) FROM quire.list_entities(t.id(3100), 'another');
SELECT content FROM quire.read_project_file(t.id(3100), 'a');
SELECT quire.repair(t.id(3100), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3100));
SELECT quire.verify_project(t.id(3100)) ->> 'is_sound' AS sound;
SELECT quire.get_entity(t.id(3100), 't', '1') -> 'fields' AS fields;
-- assets
SELECT quire.put_asset(t.id(3100), 'a.bin', 'asset', 'application/octet-stream', 'data') ->> 'seq' AS seq;
\c - postgres
CALL t.spoil($$UPDATE quire_store.asset SET filename = 'b.bin' WHERE project_id = t.id(3100)$$);
CALL t.spoil($$UPDATE quire_store.blob SET bytes = set_byte(bytes, 1, 255) WHERE project_id = t.id(3100) AND chunk_count = 0 AND size = 5$$);
\c - regress_alice
SELECT f ->> 'kind' AS kind, f ->> 'fault' AS fault FROM quire.verify_project(t.id(3100)) v, jsonb_array_elements(v -> 'findings') f;
SELECT quire.repair(t.id(3100), quarantine_id, '{"content": "asset"}') ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3100)) ORDER BY kind;
SELECT quire.verify_project(t.id(3100)) ->> 'is_sound' AS sound;
\c - postgres
CALL t.spoil($$UPDATE quire_store.asset_op SET media_type = 'a/b' WHERE project_id = t.id(3100)$$);
\c - regress_alice
SELECT f ->> 'kind' AS kind, f ->> 'fault' AS fault FROM quire.verify_project(t.id(3100)) v, jsonb_array_elements(v -> 'findings') f;
SELECT quire.repair(t.id(3100), quarantine_id, jsonb_build_object('op', jsonb_build_object('op', 'asset.put', 'filename', 'a.bin', 'media_type', 'application/octet-stream',
    'asset_type', 'data', 'size', 5, 'content_hash', (SELECT content_hash FROM quire.list_assets(t.id(3100)))))) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3100));
SELECT quire.verify_project(t.id(3100)) ->> 'is_sound' AS sound;
-- the log goes on where it was
SELECT version, seq FROM quire.upsert_project_file(t.id(3100), 'd', 'after');
SELECT quire.verify_project(t.id(3100)) ->> 'is_sound' AS sound;
-- discarded: taken as it is, and not found again
\c - postgres
CALL t.spoil($$UPDATE quire_store.entity_field SET value = '3' WHERE project_id = t.id(3100) AND field = 'f'$$);
\c - regress_alice
SELECT quire.verify_project(t.id(3100)) ->> 'is_sound' AS sound;
SELECT t.error($$SELECT quire.discard_quarantined(t.id(3100), quarantine_id, NULL) FROM quire.list_quarantine(t.id(3100))$$);
SELECT quire.discard_quarantined(t.id(3100), quarantine_id, 'the value is right') - 'quarantine_id' AS rejected FROM quire.list_quarantine(t.id(3100));
SELECT quire.get_entity(t.id(3100), 't', '1') -> 'fields' AS fields;
SELECT quire.verify_project(t.id(3100)) ->> 'is_sound' AS sound;
SELECT status, reason FROM quire.list_quarantine(t.id(3100), true) WHERE status = 'rejected';
-- rows that are gone are found, and cannot be repaired one by one
\c - postgres
CALL t.spoil($$DELETE FROM quire_store.entity_op WHERE project_id = t.id(3100) AND bundle_seq = 1 AND field = 'g'$$);
\c - regress_alice
SELECT f ->> 'kind' AS kind, f -> 'key' AS key, f ->> 'fault' AS fault, f ->> 'description' AS description FROM quire.verify_project(t.id(3100)) v, jsonb_array_elements(v -> 'findings') f;
SELECT t.error($$SELECT quire.repair(t.id(3100), quarantine_id) FROM quire.list_quarantine(t.id(3100)) WHERE fault = 'op_count'$$);

-- refused
SELECT t.error($$SELECT quire.verify_project(NULL)$$);
SELECT t.error($$SELECT quire.verify_project(t.id(3100), 'deep')$$);
SELECT t.error($$SELECT quire.verify_project(t.id(3100), NULL)$$);
SELECT t.error($$SELECT quire.replay_project(NULL)$$);
SELECT t.error($$SELECT quire.replay_project(t.id(3100), 99)$$);
SELECT t.error($$SELECT * FROM quire.list_quarantine(t.id(3100), NULL)$$);
SELECT t.error($$SELECT quire.repair(t.id(3100), NULL)$$);
SELECT t.error($$SELECT quire.repair(t.id(3100), t.id(9))$$);
SELECT t.error($$SELECT quire.discard_quarantined(t.id(3100), t.id(9), 'x')$$);
SELECT quire.set_project_member(t.id(3100), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT t.error($$SELECT quire.verify_project(t.id(3100))$$);
SELECT t.error($$SELECT quire.repair(t.id(3100), t.id(9))$$);
SELECT count(*) > 0 AS listed FROM quire.list_quarantine(t.id(3100));
\c - regress_alice
SELECT quire.delete_project(t.id(3100), 'recovery');
