-- commit_bundle: any mix of operations, base_seq, correlation ids, the chain.
SELECT quire.create_project('bundles', t.id(700)) IS NOT NULL AS created;
SELECT r ->> 'seq' AS seq, r ->> 'bundle_id' IS NOT NULL AS has_id, length(r ->> 'checksum') AS checksum, r -> 'ops' AS ops
FROM quire.commit_bundle(t.id(700), '[
    {"op": "file.put", "file_path": "a", "content": "1"},
    {"op": "file.put", "file_path": "b", "content": "2", "file_type": "text"},
    {"op": "file.put", "file_path": "c", "content_base64": "AP8="}]', 'import', 'first') r;
SELECT r -> 'ops' AS ops FROM quire.commit_bundle(t.id(700), '[
    {"op": "file.delete", "file_path": "c", "expected_version": 1},
    {"op": "file.move", "from_path": "a", "to_path": "d/a", "expected_version": 1},
    {"op": "file.put", "file_path": "d/a", "content": "1 changed"},
    {"op": "file.put", "file_path": "b", "content": "2"}]') r;
SELECT file_path, version, content FROM quire.list_current_files(t.id(700));
-- nothing changed: no bundle
SELECT r - 'checksum' AS r FROM quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "b", "content": "2"}]') r;
-- a directory takes the place of a file, and the reverse, when the tree that is left is sound
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "b/x", "content": "x"}, {"op": "file.delete", "file_path": "b"}]') r;
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "b", "content": "x"}, {"op": "file.delete", "file_path": "b/x"}]') r;

SELECT seq, kind, message, op_count, base_seq FROM quire.bundles WHERE project_id = t.id(700) ORDER BY seq;
SELECT seq, ordinal, op, target, before ->> 'version' AS before, before ->> 'file_path' AS "from", after ->> 'version' AS after, length(checksum) AS checksum
FROM quire.oplog WHERE project_id = t.id(700) ORDER BY seq, ordinal;
-- each bundle is chained to the one before
SELECT bool_and(prev_checksum = lag) AS chained FROM (
    SELECT prev_checksum, lag(checksum, 1, repeat('0', 64)) OVER (ORDER BY seq) FROM quire.bundles WHERE project_id = t.id(700)) chain;

-- base_seq
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "new", "content": "x"}]', base_seq => 1) r;
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "d/a", "content": "x"}]', base_seq => 1)$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.move", "from_path": "d/a", "to_path": "e"}]', base_seq => 0)$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "d/a", "content": "x"}]', base_seq => 99)$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "d/a", "content": "x"}]', base_seq => -1)$$);

-- correlation ids: the first receipt again, whatever happened since
SELECT r ->> 'seq' AS seq, r -> 'ops' -> 0 ->> 'version' AS version
FROM quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "once", "content": "1"}]', correlation_id => t.id(1)) r;
SELECT version FROM quire.upsert_project_file(t.id(700), 'once', '2');
SELECT r ->> 'seq' AS seq, r -> 'ops' -> 0 ->> 'version' AS version, r ->> 'bundle_id' IS NOT NULL AS has_id
FROM quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "once", "content": "1"}]', correlation_id => t.id(1)) r;
SELECT content FROM quire.read_project_file(t.id(700), 'once');
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "once", "content": "3"}]', correlation_id => t.id(1))$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(700), 'once', '1', correlation_id => t.id(1))$$);
SELECT version, seq FROM quire.upsert_project_file(t.id(700), 'once', '4', correlation_id => t.id(2));
SELECT version, seq FROM quire.upsert_project_file(t.id(700), 'once', '5');
SELECT version, seq, content_hash = (SELECT content_hash FROM quire.read_project_file(t.id(700), 'once', 3)) AS same
FROM quire.upsert_project_file(t.id(700), 'once', '4', correlation_id => t.id(2));
SELECT version, is_deleted FROM quire.delete_project_file(t.id(700), 'once', correlation_id => t.id(3));
SELECT version, is_deleted FROM quire.delete_project_file(t.id(700), 'once', correlation_id => t.id(3));
SELECT version FROM quire.restore_project_file(t.id(700), 'once', 1, correlation_id => t.id(4));
SELECT version FROM quire.restore_project_file(t.id(700), 'once', 1, correlation_id => t.id(4));
SELECT file_path, version FROM quire.move_project_file(t.id(700), 'once', 'twice', correlation_id => t.id(5));
SELECT file_path, version FROM quire.move_project_file(t.id(700), 'once', 'twice', correlation_id => t.id(5));
SELECT r ->> 'seq' = s ->> 'seq' AS same FROM quire.bulk_upsert_project_files(t.id(700), '[{"file_path": "k", "content": "1"}]', t.id(6)) r,
    LATERAL quire.bulk_upsert_project_files(t.id(700), '[{"file_path": "k", "content": "1"}]', t.id(6)) s WHERE r IS NOT NULL;
SELECT quire.merge_project_file(t.id(700), 'k', '2', 1, correlation_id => t.id(7)) ->> 'version' AS version;
SELECT quire.merge_project_file(t.id(700), 'k', '2', 1, correlation_id => t.id(7)) ->> 'version' AS version;
SELECT quire.bulk_delete_project_files(t.id(700), '{k}', t.id(8)) ->> 'success' AS success;
SELECT quire.bulk_delete_project_files(t.id(700), '{k}', t.id(8)) ->> 'success' AS success;
SELECT quire.restore_project(t.id(700), 1, correlation_id => t.id(9)) ->> 'seq' AS seq;
SELECT version FROM quire.upsert_project_file(t.id(700), 'a', 'since');
SELECT quire.restore_project(t.id(700), 1, correlation_id => t.id(9)) ->> 'seq' AS seq;
SELECT content FROM quire.read_project_file(t.id(700), 'a');

-- refused, and then nothing is written
SELECT t.rows(t.id(700)) AS before;
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), NULL)$$);
SELECT t.error($$SELECT quire.commit_bundle(NULL, '[]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '"x"')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.copy", "file_path": "a"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"file_path": "a"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.delete", "file_path": "a", "force": true}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.move", "from_path": "a"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.delete", "file_path": "a"}]', 'rollback')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.delete", "file_path": "a"}]', NULL)$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.delete", "file_path": "a"}]', message => repeat('m', 70000))$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(700), '[{"op": "file.put", "file_path": "a", "content": "1"}, {"op": "file.delete", "file_path": "nope"}]')$$);
SELECT t.rows(t.id(700)) AS after;

-- several bundles in one transaction of the caller commit or vanish together
BEGIN;
SELECT seq > 0 AS written FROM quire.upsert_project_file(t.id(700), 'tx', '1');
SELECT seq > 0 AS written FROM quire.upsert_project_file(t.id(700), 'tx', '2');
ROLLBACK;
SELECT t.rows(t.id(700)) AS after_rollback;
BEGIN;
SAVEPOINT s;
SELECT version FROM quire.upsert_project_file(t.id(700), 'tx', '1');
ROLLBACK TO s;
SELECT version FROM quire.upsert_project_file(t.id(700), 'tx', '2');
COMMIT;
SELECT version, content FROM quire.read_project_file(t.id(700), 'tx');
