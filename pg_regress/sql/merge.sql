-- Merging an edit that was made on an older version.
SELECT quire.create_project('merges', t.id(1000)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(1000), 'a', E'1\n2\n3\n4\n5\n');
SELECT version FROM quire.upsert_project_file(t.id(1000), 'a', E'one\n2\n3\n4\n5\n');
SELECT quire.merge_project_file(t.id(1000), 'a', E'1\n2\n3\n4\nfive\n', 1) - 'checksum' AS merge_project_file;
SELECT content FROM quire.read_project_file(t.id(1000), 'a');
-- the same edit again changes nothing
SELECT quire.merge_project_file(t.id(1000), 'a', E'1\n2\n3\n4\nfive\n', 1) - 'checksum' AS merge_project_file;
-- nobody else wrote: a plain save
SELECT quire.merge_project_file(t.id(1000), 'a', E'one\n2\n3\n4\nfive\nsix\n', 3) - 'checksum' AS merge_project_file;
-- the same line twice: nothing is written and the hunks come back
SELECT quire.merge_project_file(t.id(1000), 'a', E'uno\n2\n3\n4\n5\n', 1) - 'checksum' AS merge_project_file;
SELECT version FROM quire.read_project_file(t.id(1000), 'a');
-- a repeated request gets the same hunks, also after the file has changed
SELECT version FROM quire.upsert_project_file(t.id(1000), 'c', 'x');
SELECT version FROM quire.upsert_project_file(t.id(1000), 'c', 'y');
SELECT quire.merge_project_file(t.id(1000), 'c', 'z', 1, correlation_id => t.id(1)) - 'checksum' AS merge_project_file;
SELECT version FROM quire.upsert_project_file(t.id(1000), 'c', 'z');
SELECT quire.merge_project_file(t.id(1000), 'c', 'z', 1, correlation_id => t.id(1)) - 'checksum' AS merge_project_file;
-- edits of different words of a line merge
SELECT version FROM quire.upsert_project_file(t.id(1000), 'b', 'The quick fox');
SELECT version FROM quire.upsert_project_file(t.id(1000), 'b', 'The quick brown fox');
SELECT quire.merge_project_file(t.id(1000), 'b', 'The quick fox jumps 🦊', 1, 'automerge') - 'checksum' AS merge_project_file;
SELECT content FROM quire.read_project_file(t.id(1000), 'b');
-- what both did alike counts once, also where one did more
SELECT version FROM quire.upsert_project_file(t.id(1000), 'd', 'hello');
SELECT version FROM quire.upsert_project_file(t.id(1000), 'd', 'Hello!');
SELECT quire.merge_project_file(t.id(1000), 'd', 'Hello', 1, 'automerge') - 'checksum' AS merge_project_file;
SELECT version FROM quire.upsert_project_file(t.id(1000), 'e', 'hello');
SELECT version FROM quire.upsert_project_file(t.id(1000), 'e', 'Hello');
SELECT quire.merge_project_file(t.id(1000), 'e', 'Hello!', 1, 'automerge') - 'checksum' AS merge_project_file;
SELECT content FROM quire.read_project_file(t.id(1000), 'e');
-- what is not sure is a conflict, as by lines, and nothing is written
SELECT quire.merge_project_file(t.id(1000), 'e', 'Hello?', 1, 'automerge') - 'checksum' AS merge_project_file;
SELECT quire.merge_project_file(t.id(1000), 'e', 'Hello?', 1, 'automerge') = quire.merge_project_file(t.id(1000), 'e', 'Hello?', 1) AS as_by_lines;
SELECT version, content FROM quire.read_project_file(t.id(1000), 'e');
SELECT details FROM quire.bundles WHERE project_id = t.id(1000) AND details IS NOT NULL ORDER BY seq;

SELECT t.error($$SELECT quire.merge_project_file(t.id(1000), 'a', 'x', 1, 'magic')$$);
SELECT t.error($$SELECT quire.merge_project_file(t.id(1000), 'a', 'x', 1, NULL)$$);
SELECT t.error($$SELECT quire.merge_project_file(t.id(1000), 'a', NULL, 1)$$);
SELECT t.error($$SELECT quire.merge_project_file(t.id(1000), 'a', 'x', NULL)$$);
SELECT t.error($$SELECT quire.merge_project_file(t.id(1000), 'a', 'x', 0)$$);
SELECT t.error($$SELECT quire.merge_project_file(t.id(1000), 'a', 'x', 99)$$);
SELECT t.error($$SELECT quire.merge_project_file(t.id(1000), 'none', 'x', 1)$$);
SELECT version FROM quire.upsert_project_file_bytes(t.id(1000), 'bin', '\x00');
SELECT t.error($$SELECT quire.merge_project_file(t.id(1000), 'bin', 'x', 1)$$);
SELECT version FROM quire.delete_project_file(t.id(1000), 'b');
SELECT t.error($$SELECT quire.merge_project_file(t.id(1000), 'b', 'x', 1)$$);
SELECT t.error($$SELECT quire.merge_project_file(t.id(1000), 'a', repeat('x', 2000000), 1, 'automerge')$$);
SELECT t.error($$SELECT quire.merge_project_file(t.id(999999), 'a', 'x', 1)$$);
