-- Differences of a file and of a project.
SELECT quire.create_project('diffs', t.id(900)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(900), 'a.txt', E'1\n2\n3\n4\n5\n6\n7\n8\n9\n');
SELECT version FROM quire.upsert_project_file(t.id(900), 'a.txt', E'1\n2\nthree\n4\n5\n6\n7\n8\n9\nten');
SELECT version FROM quire.delete_project_file(t.id(900), 'a.txt');
SELECT quire.diff_project_file(t.id(900), 'a.txt', 1, 2);
SELECT quire.diff_project_file(t.id(900), 'a.txt', 1, 2, 0);
SELECT quire.diff_project_file(t.id(900), 'a.txt', 0, 1, 1);
SELECT quire.diff_project_file(t.id(900), 'a.txt', 2, 3, 1);
SELECT quire.diff_project_file(t.id(900), 'a.txt', 2, 2) = '' AS empty;
SELECT version FROM quire.upsert_project_file_bytes(t.id(900), 'b.bin', '\x0001');
SELECT version FROM quire.upsert_project_file_bytes(t.id(900), 'b.bin', '\x0002');
SELECT quire.diff_project_file(t.id(900), 'b.bin', 1, 2);
SELECT quire.diff_project_file(t.id(900), 'b.bin', 0, 1);
SELECT t.error($$SELECT quire.diff_project_file(t.id(900), 'a.txt', 1, 9)$$);
SELECT t.error($$SELECT quire.diff_project_file(t.id(900), 'a.txt', -1, 1)$$);
SELECT t.error($$SELECT quire.diff_project_file(t.id(900), 'a.txt', 1, 2, -1)$$);
SELECT t.error($$SELECT quire.diff_project_file(t.id(900), 'a.txt', NULL, 2)$$);
SELECT t.error($$SELECT quire.diff_project_file(t.id(900), 'a.txt', 1, NULL)$$);
SELECT t.error($$SELECT quire.diff_project_file(t.id(900), NULL, 1, 2)$$);
SELECT t.error($$SELECT quire.diff_project_file(t.id(900), 'none', 1, 2)$$);
SELECT t.error($$SELECT quire.diff_project_file(t.id(999999), 'a.txt', 1, 2)$$);

SELECT quire.create_project('trees', t.id(901)) IS NOT NULL AS created;
SELECT quire.bulk_upsert_project_files(t.id(901), '[{"file_path": "keep", "content": "k"}, {"file_path": "edit", "content": "e"}, {"file_path": "drop", "content": "d"}, {"file_path": "old/name", "content": "n"}]') ->> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(901), '[{"op": "file.put", "file_path": "edit", "content": "E"}, {"op": "file.delete", "file_path": "drop"},
    {"op": "file.move", "from_path": "old/name", "to_path": "middle"}, {"op": "file.put", "file_path": "add", "content": "a"}]') ->> 'seq' AS seq;
SELECT file_path FROM quire.move_project_file(t.id(901), 'middle', 'new/name');
SELECT file_path, change, from_path, from_version, to_version, from_hash = to_hash AS same_content FROM quire.diff_project(t.id(901), 1, 3);
SELECT file_path, change, from_path, from_version, to_version FROM quire.diff_project(t.id(901), 3, 1);
SELECT file_path, change FROM quire.diff_project(t.id(901), 0, 1);
SELECT count(*) FROM quire.diff_project(t.id(901), 2, 2);
SELECT t.error($$SELECT * FROM quire.diff_project(t.id(901), 0, 4)$$);
SELECT t.error($$SELECT * FROM quire.diff_project(t.id(901), NULL, 1)$$);
SELECT t.error($$SELECT * FROM quire.diff_project(t.id(999999), 0, 1)$$);

-- a moved file keeps its identity until it is deleted; a path that is used again is another file
SELECT quire.create_project('identity', t.id(902)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(902), 'a', '1');
SELECT version FROM quire.move_project_file(t.id(902), 'a', 'b');
SELECT version FROM quire.upsert_project_file(t.id(902), 'a', 'unrelated');
SELECT version FROM quire.move_project_file(t.id(902), 'a', 'c');
SELECT file_path, change, from_path FROM quire.diff_project(t.id(902), 1, 4);
SELECT file_path, change, from_path FROM quire.diff_project(t.id(902), 4, 1);
SELECT version FROM quire.delete_project_file(t.id(902), 'b');
SELECT version FROM quire.upsert_project_file(t.id(902), 'b', 'unrelated, too');
SELECT file_path, change, from_path FROM quire.diff_project(t.id(902), 1, 6);
-- two files change places
SELECT quire.commit_bundle(t.id(902), '[{"op": "file.move", "from_path": "b", "to_path": "x"}, {"op": "file.move", "from_path": "c", "to_path": "b"}, {"op": "file.move", "from_path": "x", "to_path": "c"}]') ->> 'seq' AS seq;
SELECT file_path, change, from_path FROM quire.diff_project(t.id(902), 6, 7);
