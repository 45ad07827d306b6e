-- Many files: all or nothing, one bundle, one event.
SELECT quire.create_project('bulk', t.id(600)) IS NOT NULL AS created;
SELECT r ->> 'success' AS success, r ->> 'seq' AS seq, jsonb_array_length(r -> 'files') AS files, r -> 'files' -> 0 AS first
FROM quire.bulk_upsert_project_files(t.id(600), (
    SELECT jsonb_agg(jsonb_build_object('file_path', format('dir%s/file%s.txt', n % 10, n), 'content', 'content ' || n) ORDER BY n)
    FROM generate_series(1, 1000) n)) r;
SELECT count(*), min(version), max(version) FROM quire.list_current_files(t.id(600));
SELECT seq, event, jsonb_array_length(payload -> 'files') AS files FROM quire.poll_events(t.id(600));
-- updates, creations and unchanged files together
SELECT f FROM jsonb_array_elements(quire.bulk_upsert_project_files(t.id(600), '[
    {"file_path": "dir1/file1.txt", "content": "changed", "expected_version": 1},
    {"file_path": "dir2/file2.txt", "content": "content 2"},
    {"file_path": "new.bin", "content_base64": "AP8=", "file_type": "blob"}]') -> 'files') f;
SELECT jsonb_array_length(payload -> 'files') AS files FROM quire.poll_events(t.id(600), 1);

-- refused, and then nothing is written
SELECT t.rows(t.id(600)) AS before;
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "good", "content": "x"}, {"file_path": "dir1/file1.txt", "content": "y", "expected_version": 1}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "good", "content": "x"}, {"file_path": "/bad", "content": "y"}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "twice", "content": "x"}, {"file_path": "twice", "content": "y"}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "a", "content": "x"}, {"file_path": "a/b", "content": "y"}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '{}')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[1]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"content": "x"}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": 3, "content": "x"}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "a"}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "a", "content": "x", "content_base64": "eA=="}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "a", "content_base64": "???"}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "a", "content": "x", "contents": "y"}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "a", "content": "x", "expected_version": "1"}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "a", "content": "x", "expected_version": -1}]')$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), NULL)$$);
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(999999), '[{"file_path": "a", "content": "x"}]')$$);
-- JSON that PostgreSQL accepts and quire cannot read
SELECT t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), (repeat('[', 300) || repeat(']', 300))::jsonb)$$);
SELECT left(t.error($$SELECT quire.bulk_upsert_project_files(t.id(600), '[{"file_path": "a", "content": "x", "expected_version": 1e999}]')$$), 70);
-- a hundred thousand items
SELECT t.error(format('SELECT quire.bulk_upsert_project_files(t.id(600), %L)',
    (SELECT jsonb_agg(jsonb_build_object('file_path', 'f' || n, 'content', '')) FROM generate_series(1, 100000) n)));
SELECT t.error($$SELECT quire.bulk_delete_project_files(t.id(600), (SELECT array_agg('f' || n) FROM generate_series(1, 100000) n))$$);
SELECT t.rows(t.id(600)) AS after;

-- delete
SELECT r ->> 'seq' AS seq, r -> 'files' AS files FROM quire.bulk_delete_project_files(t.id(600), ARRAY['dir1/file1.txt', 'new.bin']) r;
SELECT t.error($$SELECT quire.bulk_delete_project_files(t.id(600), ARRAY['dir2/file2.txt', 'new.bin'])$$);
SELECT t.error($$SELECT quire.bulk_delete_project_files(t.id(600), ARRAY['dir2/file2.txt', 'dir2/file2.txt'])$$);
SELECT t.error($$SELECT quire.bulk_delete_project_files(t.id(600), ARRAY['dir2/file2.txt', NULL])$$);
SELECT t.error($$SELECT quire.bulk_delete_project_files(t.id(600), '{}')$$);
SELECT t.error($$SELECT quire.bulk_delete_project_files(t.id(600), NULL)$$);
SELECT count(*) FROM quire.list_current_files(t.id(600));
