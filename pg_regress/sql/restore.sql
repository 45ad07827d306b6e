-- Bringing an older state back.
SELECT quire.create_project('restores', t.id(1100)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(1100), 'a', '1', 'first');
SELECT version FROM quire.upsert_project_file(t.id(1100), 'a', '2', 'second');
SELECT version, file_type FROM quire.restore_project_file(t.id(1100), 'a', 1);
SELECT version FROM quire.restore_project_file(t.id(1100), 'a', 1);
SELECT version FROM quire.delete_project_file(t.id(1100), 'a');
SELECT version FROM quire.restore_project_file(t.id(1100), 'a', 2);
SELECT t.error($$SELECT quire.restore_project_file(t.id(1100), 'a', 4)$$);
SELECT t.error($$SELECT quire.restore_project_file(t.id(1100), 'a', 9)$$);
SELECT t.error($$SELECT quire.restore_project_file(t.id(1100), 'a', NULL)$$);
SELECT t.error($$SELECT quire.restore_project_file(t.id(1100), NULL, 1)$$);
SELECT kind, details FROM quire.bundles WHERE project_id = t.id(1100) AND kind <> 'user_edit' ORDER BY seq;

SELECT quire.create_project('tree', t.id(1101)) IS NOT NULL AS created;
SELECT quire.bulk_upsert_project_files(t.id(1101), '[{"file_path": "a", "content": "a"}, {"file_path": "b/c", "content": "bc"}]') ->> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(1101), '[{"op": "file.delete", "file_path": "b/c"}, {"op": "file.put", "file_path": "b", "content": "now a file"},
    {"op": "file.move", "from_path": "a", "to_path": "z"}]') ->> 'seq' AS seq;
SELECT r - 'checksum' - 'bundle_id' AS dry_run FROM quire.restore_project(t.id(1101), 1, true) r;
SELECT file_path FROM quire.list_current_files(t.id(1101));
SELECT r ->> 'seq' AS seq, r -> 'files' AS files FROM quire.restore_project(t.id(1101), 1) r;
SELECT file_path, content, version FROM quire.list_current_files(t.id(1101));
-- already there: nothing changes
SELECT r ->> 'seq' AS seq, r ->> 'bundle_id' AS bundle_id, r -> 'files' AS files FROM quire.restore_project(t.id(1101), 3) r;
SELECT count(*) FROM quire.diff_project(t.id(1101), 1, 3);
-- there and back again is no work, and a dry run knows
SELECT version FROM quire.upsert_project_file(t.id(1101), 'a', 'other');
SELECT version FROM quire.upsert_project_file(t.id(1101), 'a', 'a');
SELECT r -> 'files' AS files FROM quire.restore_project(t.id(1101), 3, true) r;
SELECT quire.restore_project(t.id(1101), 0) ->> 'seq' AS seq;
SELECT count(*) FROM quire.list_current_files(t.id(1101));
SELECT p ->> 'file_count' AS files, p ->> 'total_bytes' AS bytes FROM quire.get_project(t.id(1101)) p;
SELECT t.error($$SELECT quire.restore_project(t.id(1101), 99)$$);
SELECT t.error($$SELECT quire.restore_project(t.id(1101), -1)$$);
SELECT t.error($$SELECT quire.restore_project(t.id(1101), NULL)$$);
SELECT t.error($$SELECT quire.restore_project(t.id(1101), 1, NULL)$$);
SELECT t.error($$SELECT quire.restore_project(t.id(999999), 0)$$);
