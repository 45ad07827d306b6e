-- What a corrupt row says of itself is not believed: lengths, numbers, places. Rows are spoilt by a superuser, past the guards.
\c - postgres
CREATE FUNCTION t.findings(project uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws('/', f ->> 'kind', f ->> 'fault', f -> 'key' ->> 'ordinal'), ', ')
    FROM quire.verify_project(project) v, jsonb_array_elements(v -> 'findings') f
$$;
\c - regress_alice
SELECT quire.create_project('rows', t.id(3110)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(3110), 'small', repeat('small', 20));
SELECT version FROM quire.upsert_project_file(t.id(3110), 'large', repeat('0123456789', 300000));
SELECT quire.commit_bundle(t.id(3110), t.set_field('f', '1')) ->> 'seq' AS seq;
SELECT quire.put_asset(t.id(3110), 'raw.bin', string_agg(sha512(n::text::bytea), '' ORDER BY n), 'a/b', 'data') ->> 'content_hash' AS raw
FROM generate_series(1, 40000) n \gset
SELECT quire.create_project_snapshot(t.id(3110)) ->> 'seq' AS seq;
SELECT t.findings(t.id(3110));
-- a length that no content has: of a blob, of one in chunks, of a chunk
\c - postgres
CALL t.spoil($$UPDATE quire_store.blob SET size = size # (1::bigint << 62) WHERE project_id = t.id(3110) AND chunk_count = 0$$);
CALL t.spoil($$UPDATE quire_store.blob SET size = -size WHERE project_id = t.id(3110) AND size = 2560000$$);
CALL t.spoil($$UPDATE quire_store.blob_chunk c SET size = c.size # (1::bigint << 45) FROM quire_store.blob b WHERE b.project_id = t.id(3110) AND b.size = 3000000 AND b.hash = c.hash AND c.project_id = b.project_id AND c.ordinal = 2$$);
\c - regress_alice
SELECT t.error($$SELECT quire.read_project_file_bytes(t.id(3110), 'small')$$);
SELECT t.error($$SELECT content FROM quire.project_files_current WHERE project_id = t.id(3110) AND file_path = 'small'$$);
SELECT t.error($$SELECT quire.read_project_file_bytes(t.id(3110), 'large')$$);
SELECT t.error($$SELECT content FROM quire.project_files_current WHERE project_id = t.id(3110) AND file_path = 'large'$$);
SELECT t.error(format('SELECT quire.read_asset_range(t.id(3110), %L)', :'raw'));
SELECT t.error(format('SELECT quire.read_asset_range(t.id(3110), %L, 5, 5)', :'raw'));
SELECT t.findings(t.id(3110));
-- content in quarantine comes back when it is written again, also one in chunks, and with its length
SELECT version FROM quire.upsert_project_file(t.id(3110), 'small again', repeat('small', 20));
SELECT version FROM quire.upsert_project_file(t.id(3110), 'large again', repeat('0123456789', 300000));
SELECT quire.restore_blob(t.id(3110), :'raw', string_agg(sha512(n::text::bytea), '' ORDER BY n)) ->> 'state' AS state FROM generate_series(1, 40000) n;
SELECT length(content) FROM quire.read_project_file(t.id(3110), 'small');
SELECT length(content) FROM quire.read_project_file(t.id(3110), 'large');
SELECT octet_length(quire.read_asset_range(t.id(3110), :'raw'));
SELECT t.findings(t.id(3110));
-- and its entry needs no copy any more
SELECT quire.repair(t.id(3110), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110));
-- a part of a content is read without the rest, and checked all the same
\c - postgres
CALL t.spoil($$UPDATE quire_store.blob_chunk c SET bytes = set_byte(c.bytes, 500, get_byte(c.bytes, 500) # 1) FROM quire_store.blob b WHERE b.project_id = t.id(3110) AND b.size = 2560000 AND b.hash = c.hash AND c.project_id = b.project_id AND c.ordinal = 2$$);
\c - regress_alice
SELECT octet_length(quire.read_asset_range(t.id(3110), :'raw', 5, 5));
SELECT t.error(format('SELECT quire.read_asset_range(t.id(3110), %L, 1048576, 5)', :'raw'));
SELECT t.error(format('SELECT quire.read_asset_range(t.id(3110), %L, 1048575, 2)', :'raw'));
SELECT t.findings(t.id(3110));
SELECT quire.restore_blob(t.id(3110), :'raw', string_agg(sha512(n::text::bytea), '' ORDER BY n)) ->> 'state' AS state FROM generate_series(1, 40000) n;
\c - postgres
CALL t.spoil($$UPDATE quire_store.blob_chunk SET checksum = set_byte(checksum, 5, get_byte(checksum, 5) # 1) WHERE project_id = t.id(3110) AND ordinal = 3$$);
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT quire.restore_blob(t.id(3110), :'raw', string_agg(sha512(n::text::bytea), '' ORDER BY n)) ->> 'state' AS state FROM generate_series(1, 40000) n;
SELECT version FROM quire.upsert_project_file(t.id(3110), 'large once more', repeat('0123456789', 300000));
-- a state that says that there are no bytes, and there are
\c - postgres
CALL t.spoil($$UPDATE quire_store.blob SET state = 2 WHERE project_id = t.id(3110) AND size = 100$$);
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT version FROM quire.upsert_project_file(t.id(3110), 'small once more', repeat('small', 20));
SELECT t.findings(t.id(3110));
SELECT quire.repair(t.id(3110), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110));
-- rows that cannot even be read
\c - postgres
CALL t.spoil($$UPDATE quire_store.bundle SET details = jsonb_set(details, '{op_checksum}', '"no hex"') WHERE project_id = t.id(3110) AND kind = 'system'$$);
CALL t.spoil($$UPDATE quire_store.entity_op SET value = '1e400' WHERE project_id = t.id(3110)$$);
CALL t.spoil($$UPDATE quire_store.entity_field SET value = '1e400' WHERE project_id = t.id(3110)$$);
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT quire.repair(t.id(3110), quarantine_id, '{"op": {"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1}}') ->> 'repaired_from' AS repaired_from
FROM quire.list_quarantine(t.id(3110)) WHERE kind = 'field_op';
SELECT quire.repair(t.id(3110), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110)) WHERE kind = 'bundle';
SELECT t.findings(t.id(3110));
SELECT quire.repair(t.id(3110), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110)) WHERE kind = 'entity_field';
SELECT t.findings(t.id(3110));
-- what is not in the operation: times, makers, reasons, counts, what a move took along
SELECT quire.commit_bundle(t.id(3110), '[{"op": "file.move", "from_path": "small", "to_path": "moved"}]') ->> 'seq' AS seq;
SELECT version FROM quire.upsert_project_file(t.id(3110), 'moved', 'changed');
SELECT version FROM quire.delete_project_file(t.id(3110), 'moved');
SELECT quire.delete_asset(t.id(3110), :'raw', 'old') ->> 'status' AS status;
SELECT t.findings(t.id(3110));
\c - postgres
CREATE FUNCTION t.all_rows(project uuid) RETURNS text LANGUAGE sql AS $$
    SELECT md5((SELECT string_agg(f::text, '' ORDER BY f::text) FROM quire_store.project_files f WHERE f.project_id = project)
        || (SELECT string_agg(h::text, '' ORDER BY h::text) FROM quire_store.file_head h WHERE h.project_id = project)
        || (SELECT string_agg(e::text, '' ORDER BY e::text) FROM quire_store.entity_field e WHERE e.project_id = project)
        || (SELECT string_agg(a::text, '' ORDER BY a::text) FROM quire_store.asset a WHERE a.project_id = project)
        || (SELECT string_agg(o::text, '' ORDER BY o::text) FROM quire_store.asset_op o WHERE o.project_id = project)
        || (SELECT p::text FROM quire_store.project_head p WHERE p.project_id = project))
$$;
SELECT t.all_rows(t.id(3110)) AS before \gset
CALL t.spoil($$UPDATE quire_store.project_files SET committed_at = committed_at - interval '1 year' WHERE project_id = t.id(3110) AND bundle_seq = 1$$);
CALL t.spoil($$UPDATE quire_store.project_files SET is_deleted = true WHERE project_id = t.id(3110) AND bundle_seq = 2$$);
CALL t.spoil($$UPDATE quire_store.project_files SET parent_version_id = NULL WHERE project_id = t.id(3110) AND size = 7$$);
CALL t.spoil($$UPDATE quire_store.project_files SET size = 1, is_binary = true WHERE project_id = t.id(3110) AND op = 'file.move' AND NOT is_deleted$$);
CALL t.spoil($$UPDATE quire_store.project_files SET is_deleted = NOT is_deleted WHERE project_id = t.id(3110) AND op = 'file.delete'$$);
CALL t.spoil($$UPDATE quire_store.file_head SET created_at = created_at - interval '1 year', created_by = t.actor('bob') WHERE project_id = t.id(3110) AND file_path = 'moved'$$);
CALL t.spoil($$UPDATE quire_store.entity_field SET updated_at = updated_at - interval '1 year' WHERE project_id = t.id(3110)$$);
CALL t.spoil($$UPDATE quire_store.asset SET updated_at = updated_at - interval '1 year', delete_reason = 'new' WHERE project_id = t.id(3110)$$);
CALL t.spoil($$UPDATE quire_store.asset_op SET filename = 'other.bin' WHERE project_id = t.id(3110) AND op = 'asset.delete'$$);
CALL t.spoil($$UPDATE quire_store.project_head SET live_files = 0, live_bytes = 1, asset_bytes = 2, committed_at = committed_at + interval '1 year' WHERE project_id = t.id(3110)$$);
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT t.error(format('SELECT quire.get_asset(t.id(3110), %L)', :'raw'));
SELECT quire.repair(t.id(3110), quarantine_id, jsonb_build_object('op', jsonb_build_object('op', 'asset.delete', 'content_hash', :'raw', 'reason', 'old'))) ->> 'repaired_from' AS repaired_from
FROM quire.list_quarantine(t.id(3110)) WHERE kind = 'asset_op';
SELECT quire.repair(t.id(3110), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110));
SELECT t.findings(t.id(3110));
SELECT t.error(format('SELECT quire.get_asset(t.id(3110), %L)', :'raw'));
SELECT t.error(format('SELECT quire.read_asset_range(t.id(3110), %L)', :'raw'));
SELECT t.error($$SELECT * FROM quire.list_assets(t.id(3110))$$);
SELECT quire.repair(t.id(3110), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110));
SELECT t.findings(t.id(3110));
SELECT quire.repair(t.id(3110), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110));
SELECT t.findings(t.id(3110));
\c - postgres
SELECT t.all_rows(t.id(3110)) = :'before' AS as_before;
-- one of the two rows of a move
CALL t.spoil($$UPDATE quire_store.project_files SET is_deleted = NOT is_deleted WHERE project_id = t.id(3110) AND op = 'file.move' AND is_deleted$$);
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT quire.repair(t.id(3110), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110)) WHERE fault = 'row';
SELECT t.findings(t.id(3110));
SELECT count(*) FROM quire.list_quarantine(t.id(3110));
\c - postgres
SELECT t.all_rows(t.id(3110)) = :'before' AS as_before;
-- a row of current state that is gone
CALL t.spoil($$DELETE FROM quire_store.asset WHERE project_id = t.id(3110)$$);
\c - regress_alice
SELECT quire.put_asset(t.id(3110), 'kept.txt', 'kept', 'a/b', 'data') ->> 'status' AS status;
\c - postgres
CALL t.spoil($$DELETE FROM quire_store.asset WHERE project_id = t.id(3110)$$);
CALL t.spoil($$DELETE FROM quire_store.file_head WHERE project_id = t.id(3110) AND file_path = 'large'$$);
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT t.error(format('SELECT quire.repair(t.id(3110), %L, %L)', quarantine_id, jsonb_build_object('op', jsonb_build_object('op', 'file.put', 'file_path', 'large',
    'file_type', 'large', 'mode', '100644', 'size', 3000000, 'content_hash', (SELECT content_hash FROM quire.project_files_current WHERE project_id = t.id(3110) AND file_path = 'large again')))))
FROM quire.list_quarantine(t.id(3110)) WHERE kind = 'file_op';
\c - postgres
SELECT quire.delete_project(t.id(3110), 'rows');
\c - regress_alice
SELECT quire.create_project('rows', t.id(3110)) IS NOT NULL AS created;
SELECT quire.put_asset(t.id(3110), 'kept.txt', 'kept', 'a/b', 'data') ->> 'status' AS status;
\c - postgres
CALL t.spoil($$DELETE FROM quire_store.asset WHERE project_id = t.id(3110)$$);
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT quire.repair(t.id(3110), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110));
SELECT t.findings(t.id(3110));
-- what was discarded and becomes wrong anew is found anew
SELECT version FROM quire.upsert_project_file(t.id(3110), 'f', 'content');
SELECT quire.commit_bundle(t.id(3110), t.set_field('f', '1')) ->> 'seq' AS seq;
\c - postgres
CALL t.spoil($$UPDATE quire_store.blob SET bytes = 'CONTENT' WHERE project_id = t.id(3110) AND size = 7$$);
CALL t.spoil($$UPDATE quire_store.entity_field SET value = '2' WHERE project_id = t.id(3110)$$);
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT quire.discard_quarantined(t.id(3110), quarantine_id, 'so be it') ->> 'status' AS status FROM quire.list_quarantine(t.id(3110));
SELECT t.findings(t.id(3110));
SELECT version FROM quire.upsert_project_file(t.id(3110), 'again', 'content');
SELECT quire.commit_bundle(t.id(3110), t.set_field('f', '3')) ->> 'seq' AS seq;
SELECT t.findings(t.id(3110));
\c - postgres
CALL t.spoil($$UPDATE quire_store.blob SET bytes = 'CONTENT' WHERE project_id = t.id(3110) AND size = 7$$);
CALL t.spoil($$UPDATE quire_store.entity_field SET value = '4' WHERE project_id = t.id(3110)$$);
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT quire.repair(t.id(3110), quarantine_id, '{"content": "content"}') ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110));
SELECT t.findings(t.id(3110));
-- content that is missing and discarded is unavailable, and comes back when it is written again
\c - postgres
CALL t.spoil($$DELETE FROM quire_store.blob WHERE project_id = t.id(3110) AND size IN (4, 7)$$);
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT quire.discard_quarantined(t.id(3110), quarantine_id, 'nobody has it') ->> 'status' AS status FROM quire.list_quarantine(t.id(3110));
SELECT t.error($$SELECT quire.read_project_file(t.id(3110), 'f')$$);
SELECT t.findings(t.id(3110));
SELECT version FROM quire.upsert_project_file(t.id(3110), 'once more', 'content');
SELECT content FROM quire.read_project_file(t.id(3110), 'f');
SELECT t.findings(t.id(3110));
-- an operation in quarantine is not handed out as a version or a point in time, and not written anew
SELECT quire.commit_bundle(t.id(3110), '[{"op": "file.put", "file_path": "w", "content": "one"}, {"op": "field.set", "entity_type": "t", "entity_id": "2", "field": "f", "value": 1}]') ->> 'seq' AS first \gset
SELECT quire.commit_bundle(t.id(3110), '[{"op": "file.put", "file_path": "w", "content": "two"}, {"op": "field.set", "entity_type": "t", "entity_id": "2", "field": "f", "value": 2}]') ->> 'seq' AS second \gset
\c - postgres
CALL t.spoil(format('UPDATE quire_store.project_files SET content_hash = (SELECT content_hash FROM quire_store.file_head WHERE project_id = t.id(3110) AND file_path = ''w'') WHERE project_id = t.id(3110) AND bundle_seq = %s', :first));
CALL t.spoil(format('UPDATE quire_store.entity_op SET value = ''111'' WHERE project_id = t.id(3110) AND bundle_seq = %s', :first));
\c - regress_alice
SELECT t.findings(t.id(3110));
SELECT s, t.error(format(s, :first)) FROM unnest(ARRAY['SELECT quire.read_project_file(t.id(3110), ''w'', 1)', 'SELECT quire.read_project_file_bytes(t.id(3110), ''w'', 1)',
    'SELECT quire.restore_project_file(t.id(3110), ''w'', 1)', 'SELECT quire.diff_project_file(t.id(3110), ''w'', 1, 2)', 'SELECT quire.diff_project(t.id(3110), 0, %s)',
    'SELECT quire.list_files_at(t.id(3110), %s)', 'SELECT quire.restore_project(t.id(3110), %s)', 'SELECT quire.create_project_snapshot(t.id(3110), at_seq => %s)',
    'SELECT quire.plan_hydration(t.id(3110), ''{}'', %s)', 'SELECT quire.create_template(t.id(3110), ''t'', %s)', 'SELECT quire.clone_project(t.id(3110), ''c'')',
    'SELECT quire.revert_bundle(t.id(3110), %s)', 'SELECT quire.undo(t.id(3110))']) s;
-- what is current goes on
SELECT content FROM quire.read_project_file(t.id(3110), 'w');
SELECT quire.get_entity(t.id(3110), 't', '2') -> 'fields' AS fields;
SELECT quire.create_project_snapshot(t.id(3110)) ->> 'file_count' AS files;
SELECT quire.restore_project(t.id(3110), :first - 1, true) IS NOT NULL AS planned;
SELECT quire.repair(t.id(3110), quarantine_id, '{"op": {"op": "field.set", "entity_type": "t", "entity_id": "2", "field": "f", "value": 1}}') ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3110)) WHERE kind = 'field_op';
SELECT quire.discard_quarantined(t.id(3110), quarantine_id, 'lost') ->> 'status' AS status FROM quire.list_quarantine(t.id(3110));
SELECT quire.revert_bundle(t.id(3110), :second) ->> 'seq' IS NOT NULL AS reverted;
SELECT quire.get_entity(t.id(3110), 't', '2') -> 'fields' AS fields;
-- a head that is far away
\c - postgres
CREATE TEMP TABLE right_head AS SELECT seq FROM quire_store.project_head WHERE project_id = t.id(3110);
UPDATE quire_store.project_head SET seq = 1::bigint << 62 WHERE project_id = t.id(3110);
SET statement_timeout = '10s';
SELECT f ->> 'kind' AS kind, f ->> 'fault' AS fault FROM quire.verify_project(t.id(3110)) v, jsonb_array_elements(v -> 'findings') f;
UPDATE quire_store.project_head SET seq = (SELECT seq FROM right_head) WHERE project_id = t.id(3110);
\c - regress_alice
SELECT quire.delete_project(t.id(3110), 'rows');
-- What JavaScript, Python and PostgreSQL print for a double is one number, which of two equally short texts it may be, also of the
-- fractions of a second. No double stands for the others.
SELECT quire.create_project('numbers', t.id(3112)) IS NOT NULL AS created;
SELECT t.error(format($$SELECT quire.commit_bundle(t.id(3112), '[{"op": "field.set", "entity_type": "n", "entity_id": "%s", "field": "f", "value": %s}]')$$, row_number() OVER (), n))
FROM unnest(ARRAY['1424953923781206.2', '1424953923781206.3', to_jsonb(2 ^ -25)::text, '2.9802322387695312e-8', '1764425944792945.3', '0.10000000000000001', '1e308', '18446744073709551616', '-0.0',
    '1424953923781206.24', '9007199254740993', '1e400', '1e-400']) n;
SELECT entity_id, fields ->> 'f' AS f FROM quire.list_entities(t.id(3112), 'n') ORDER BY entity_id;
SELECT quire.verify_project(t.id(3112)) -> 'findings' AS findings;
SELECT quire.replay_project(t.id(3112)) AS replayed;
SELECT count(*) > 0 AS exported FROM (SELECT quire.import_project(quire.export_project(t.id(3112)), 'again')) i;
-- one that was put into quarantine by a version that did not take it
\c - postgres
INSERT INTO quire_store.quarantine (project_id, quarantine_id, kind, key, fault, in_words, expected)
SELECT o.project_id, t.id(3111), 'field_op', jsonb_build_object('seq', o.bundle_seq, 'ordinal', o.ordinal), 'content', 'not taken', o.op_checksum
FROM quire_store.entity_op o WHERE o.project_id = t.id(3112) AND o.entity_type = 'n' AND o.entity_id = '1';
\c - regress_alice
SELECT t.error($$SELECT quire.poll_events(t.id(3112), 0, 1000)$$);
SELECT quire.repair(t.id(3112), t.id(3111)) ->> 'repaired_from' AS repaired_from;
SELECT t.error($$SELECT quire.poll_events(t.id(3112), 0, 1000)$$);
SELECT quire.delete_project(t.id(3112), 'numbers');
