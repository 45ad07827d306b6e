-- One file: upsert, delete, move, read.
SELECT quire.create_project('files', t.id(300)) IS NOT NULL AS created;
SELECT file_path, file_type, content_hash, version, parent_version_id IS NULL AS first, size, is_deleted, is_binary, seq
FROM quire.upsert_project_file(t.id(300), 'src/main.rs', 'fn main() {}');
SELECT version, parent_version_id IS NOT NULL AS has_parent, seq
FROM quire.upsert_project_file(t.id(300), 'src/main.rs', 'fn main() { }', expected_version => 1);
-- unchanged: no version, no bundle
SELECT version, seq FROM quire.upsert_project_file(t.id(300), 'src/main.rs', 'fn main() { }');
SELECT t.rows(t.id(300));
-- a new type is a change; none given keeps it
SELECT version, file_type FROM quire.upsert_project_file(t.id(300), 'src/main.rs', 'fn main() { }', 'rust');
SELECT version, file_type FROM quire.upsert_project_file(t.id(300), 'src/main.rs', 'fn main() {}');
-- the empty file
SELECT version, size, content_hash FROM quire.upsert_project_file(t.id(300), 'empty', '');
SELECT content = '' AS empty, size FROM quire.read_project_file(t.id(300), 'empty');

-- versions
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), 'src/main.rs', 'x', expected_version => 1)$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), 'src/main.rs', 'x', expected_version => 0)$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), 'src/main.rs', 'x', expected_version => -1)$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), 'new', 'x', expected_version => 1)$$);
SELECT version FROM quire.upsert_project_file(t.id(300), 'new', 'x', expected_version => 0);
-- the error tells the current state
DO $$
DECLARE detail text;
BEGIN
    PERFORM quire.upsert_project_file(t.id(300), 'new', 'y', expected_version => 7);
EXCEPTION WHEN SQLSTATE 'PT409' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RAISE NOTICE '%', detail;
END
$$;

-- binary
SELECT is_binary, size, file_type FROM quire.upsert_project_file_bytes(t.id(300), 'logo.PNG', '\x89504e470d0a1a0a00ff');
SELECT is_binary FROM quire.upsert_project_file_bytes(t.id(300), 'text-as-bytes', convert_to('grüße', 'UTF8'));
SELECT content, size, is_binary FROM quire.read_project_file(t.id(300), 'logo.PNG');
SELECT quire.read_project_file_bytes(t.id(300), 'logo.PNG');
SELECT content FROM quire.read_project_file(t.id(300), 'text-as-bytes');
SELECT is_binary FROM quire.upsert_project_file_bytes(t.id(300), 'nul', '\x610062');

-- delete: a tombstone, and versions go on after it
SELECT version, is_deleted, content_hash, size FROM quire.delete_project_file(t.id(300), 'new');
SELECT t.error($$SELECT quire.delete_project_file(t.id(300), 'new')$$);
SELECT t.error($$SELECT quire.delete_project_file(t.id(300), 'never')$$);
SELECT t.error($$SELECT quire.delete_project_file(t.id(300), 'empty', expected_version => 9)$$);
SELECT t.error($$SELECT * FROM quire.read_project_file(t.id(300), 'new')$$);
SELECT version, content, is_deleted FROM quire.read_project_file(t.id(300), 'new', 2);
SELECT t.error($$SELECT quire.read_project_file_bytes(t.id(300), 'new', 2)$$);
SELECT version FROM quire.upsert_project_file(t.id(300), 'new', 'again', expected_version => 0);

-- move
SELECT file_path, version, file_type, size FROM quire.move_project_file(t.id(300), 'src/main.rs', 'src/bin/app.rs');
SELECT version, op, moved_from, moved_from_version, moved_to FROM quire.project_file_history(t.id(300), 'src/bin/app.rs');
SELECT version, op, is_deleted, moved_from, moved_to FROM quire.project_file_history(t.id(300), 'src/main.rs', max_versions => 2);
SELECT t.error($$SELECT quire.move_project_file(t.id(300), 'src/main.rs', 'x')$$);
SELECT t.error($$SELECT quire.move_project_file(t.id(300), 'src/bin/app.rs', 'empty')$$);
SELECT t.error($$SELECT quire.move_project_file(t.id(300), 'src/bin/app.rs', 'src/bin/app.rs')$$);
SELECT t.error($$SELECT quire.move_project_file(t.id(300), 'src/bin/app.rs', 'y', expected_version => 8)$$);
SELECT t.error($$SELECT quire.move_project_file(t.id(300), 'src/bin/app.rs', 'src/bin/app.rs/deeper/still')$$) AS below_itself;

-- a file where a directory is, and the reverse
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), 'logo.PNG/x', 'x')$$);
SELECT version FROM quire.upsert_project_file(t.id(300), 'dir/a/b', 'x');
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), 'dir', 'x')$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), 'dir/a', 'x')$$);
SELECT version FROM quire.upsert_project_file(t.id(300), 'dir/ab', 'fine');

-- NULL arguments
SELECT t.error($$SELECT quire.upsert_project_file(NULL, 'a', 'x')$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), NULL, 'x')$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), 'a', NULL)$$);
SELECT t.error($$SELECT quire.upsert_project_file_bytes(t.id(300), 'a', NULL)$$);
SELECT t.error($$SELECT quire.delete_project_file(t.id(300), NULL)$$);
SELECT t.error($$SELECT quire.move_project_file(t.id(300), 'empty', NULL)$$);
SELECT t.error($$SELECT quire.read_project_file(t.id(300), NULL)$$);
SELECT t.error($$SELECT quire.read_project_file_bytes(NULL, 'empty')$$);
-- versions that are none
SELECT t.error($$SELECT quire.read_project_file(t.id(300), 'empty', 0)$$);
SELECT t.error($$SELECT quire.read_project_file(t.id(300), 'empty', 99)$$);
-- unknown project, and types that are none
SELECT t.error($$SELECT quire.upsert_project_file(t.id(999999), 'a', 'x')$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), 'a', 'x', '')$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(300), 'a', 'x', repeat('t', 256))$$);
SELECT t.rows(t.id(300));
