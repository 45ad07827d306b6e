-- Points in time, history, tags.
SELECT quire.create_project('reads', t.id(800)) IS NOT NULL AS created;
SELECT seq FROM quire.upsert_project_file(t.id(800), 'a', 'a1');
SELECT seq FROM quire.upsert_project_file(t.id(800), 'b', 'b1');
SELECT seq FROM quire.upsert_project_file(t.id(800), 'a', 'a2');
SELECT seq FROM quire.delete_project_file(t.id(800), 'b');
SELECT seq FROM quire.upsert_project_file_bytes(t.id(800), 'c', '\x00');
SELECT n AS at_seq, f.file_path, f.content, f.version FROM generate_series(0, 5) n CROSS JOIN LATERAL quire.list_files_at(t.id(800), n) f ORDER BY n, f.file_path;
SELECT quire.tag_project(t.id(800), 'v1', 2);
SELECT quire.tag_project(t.id(800), 'v1', 2);
SELECT quire.tag_project(t.id(800), 'latest', correlation_id => t.id(1));
SELECT quire.tag_project(t.id(800), 'latest', correlation_id => t.id(1));
SELECT tag, seq FROM quire.list_project_tags(t.id(800));
SELECT file_path, content FROM quire.list_files_at(t.id(800), at_tag => 'v1');
-- a time means the newest bundle by then
SELECT b.seq, count(f.file_path) AS files, string_agg(f.file_path || f.version, ' ' ORDER BY f.file_path) AS tree
FROM quire.bundles b LEFT JOIN LATERAL quire.list_files_at(t.id(800), at_time => b.committed_at) f ON true
WHERE b.project_id = t.id(800) GROUP BY b.seq ORDER BY b.seq;
SELECT count(*) FROM quire.list_files_at(t.id(800), at_time => '2001-01-01');
SELECT count(*) FROM quire.list_files_at(t.id(800), at_time => 'infinity');
SELECT count(*) FROM quire.list_files_at(t.id(800), at_time => '-infinity');
SELECT t.error($$SELECT * FROM quire.list_files_at(t.id(800))$$);
SELECT t.error($$SELECT * FROM quire.list_files_at(t.id(800), 1, at_tag => 'v1')$$);
SELECT t.error($$SELECT * FROM quire.list_files_at(t.id(800), 6)$$);
SELECT t.error($$SELECT * FROM quire.list_files_at(t.id(800), -1)$$);
SELECT t.error($$SELECT * FROM quire.list_files_at(t.id(800), at_tag => 'v2')$$);
SELECT t.error($$SELECT * FROM quire.list_files_at(NULL, 1)$$);
SELECT t.error($$SELECT * FROM quire.list_files_at(t.id(999999), 1)$$);
SELECT t.error($$SELECT quire.tag_project(t.id(800), 'v1', 3)$$);
SELECT t.error($$SELECT quire.tag_project(t.id(800), '')$$);
SELECT t.error($$SELECT quire.tag_project(t.id(800), NULL)$$);
SELECT t.error($$SELECT quire.tag_project(t.id(800), 'v9', 77)$$);
SELECT t.error($$SELECT * FROM quire.list_project_tags(t.id(999999))$$);

-- history
SELECT version, op, size, is_deleted, is_binary, kind, seq FROM quire.project_file_history(t.id(800), 'b');
SELECT version FROM quire.project_file_history(t.id(800), 'a', before_version => 2);
SELECT version FROM quire.project_file_history(t.id(800), 'a', max_versions => 1);
SELECT count(*) FROM quire.project_file_history(t.id(800), 'never');
SELECT t.error($$SELECT * FROM quire.project_file_history(t.id(800), NULL)$$);
SELECT t.error($$SELECT * FROM quire.project_file_history(t.id(999999), 'a')$$);
SELECT t.error($$SELECT * FROM quire.project_file_history(t.id(800), 'a', max_versions => 0)$$);
SELECT t.error($$SELECT * FROM quire.project_file_history(t.id(800), 'a', max_versions => NULL)$$);
SELECT version, content FROM quire.read_project_file(t.id(800), 'a', 1);
-- one file at a point in time is what the list of then says, for every path and every seq
CREATE TEMP TABLE past AS SELECT s AS at, l.* FROM generate_series(0, (quire.get_project(t.id(800)) ->> 'seq')::bigint) s, quire.list_files_at(t.id(800), s) l;
SELECT count(*) > 0 AS some, count(*) FILTER (WHERE r.content IS DISTINCT FROM l.content OR r.content_hash <> l.content_hash OR r.version <> l.version OR r.file_type <> l.file_type OR r.is_deleted) AS other
FROM past l, quire.read_project_file(t.id(800), l.file_path, at_seq => l.at) r;
SELECT count(*) > 0 AS some, count(DISTINCT e.error) AS errors, min(e.error) AS error
FROM generate_series(0, (quire.get_project(t.id(800)) ->> 'seq')::bigint) s, (SELECT DISTINCT file_path FROM past UNION SELECT 'never') p,
    t.error(format('SELECT quire.read_project_file_bytes(t.id(800), %L, at_seq => %s)', p.file_path, s)) e (error)
WHERE NOT EXISTS (SELECT FROM past l WHERE l.at = s AND l.file_path = p.file_path);
SELECT r.content = l.content AS same FROM quire.list_files_at(t.id(800), at_tag => 'v1') l, quire.read_project_file(t.id(800), l.file_path, at_tag => 'v1') r;
SELECT convert_from(quire.read_project_file_bytes(t.id(800), 'a', at_time => 'infinity'), 'UTF8') = content AS same FROM quire.read_project_file(t.id(800), 'a');
SELECT t.error($$SELECT quire.read_project_file(t.id(800), 'a', at_time => '-infinity')$$);
SELECT t.error($$SELECT quire.read_project_file(t.id(800), 'a', 1, 1)$$);
SELECT t.error($$SELECT quire.read_project_file(t.id(800), 'a', at_seq => 1, at_tag => 'v1')$$);
SELECT t.error($$SELECT quire.read_project_file(t.id(800), 'a', at_seq => 99)$$);
SELECT t.error($$SELECT quire.read_project_file(t.id(800), 'a', at_tag => 'none')$$);
SELECT t.error($$SELECT quire.read_project_file(t.id(999999), 'a', 1, 1)$$);
-- an unknown project is unknown also when there is nothing to list
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(999999))$$);
SELECT t.error($$SELECT * FROM quire.list_current_files(NULL)$$);

-- bad arguments are refused also when there is nothing to list
SELECT quire.create_project('nothing', t.id(802)) IS NOT NULL AS created;
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(802), '../x')$$);
SELECT t.error($$SELECT * FROM quire.list_files_at(t.id(802), 7)$$);
SELECT t.error($$SELECT * FROM quire.list_files_at(t.id(802), at_tag => 'none')$$);
SELECT t.error($$SELECT * FROM quire.project_file_history(t.id(802), '../x')$$);

-- content in chunks: longer than one, and read back whole
SELECT quire.create_project('large', t.id(801)) IS NOT NULL AS created;
SELECT size, is_binary FROM quire.upsert_project_file(t.id(801), 'large.txt', repeat('0123456789abcdef', 200000));
SELECT length(content), content = repeat('0123456789abcdef', 200000) AS same FROM quire.list_current_files(t.id(801));
SELECT length(content) FROM quire.read_project_file(t.id(801), 'large.txt');
SELECT length(content) FROM quire.project_files WHERE project_id = t.id(801);
SELECT quire.read_project_file_bytes(t.id(801), 'large.txt') = convert_to(repeat('0123456789abcdef', 200000), 'UTF8') AS same;
-- identical content is stored once
SELECT version FROM quire.upsert_project_file(t.id(801), 'copy.txt', repeat('0123456789abcdef', 200000));
SELECT t.rows(t.id(801));

-- in pages: by path, and a page ends early when its content is large
SELECT quire.create_project('pages', t.id(803)) IS NOT NULL AS created;
SELECT quire.bulk_upsert_project_files(t.id(803), (SELECT jsonb_agg(jsonb_build_object('file_path', 'd/' || n, 'content', n::text)) FROM generate_series(1, 5) n)) ->> 'seq' AS seq;
SELECT file_path, content FROM quire.list_current_files(t.id(803), max_files => 2);
SELECT file_path FROM quire.list_current_files(t.id(803), 'd', after_path => 'd/2', max_files => 2);
SELECT file_path FROM quire.list_current_files(t.id(803), after_path => 'd/4');
SELECT count(*) FROM quire.list_current_files(t.id(803), after_path => 'd/5', max_files => 2);
SELECT file_path FROM quire.list_files_at(t.id(803), 1, after_path => 'd/3', max_files => 10);
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(803), max_files => 0)$$);
SELECT t.error($$SELECT * FROM quire.list_files_at(t.id(803), 1, after_path => '../a')$$);
SELECT quire.bulk_upsert_project_files(t.id(803), (SELECT jsonb_agg(jsonb_build_object('file_path', 'e/' || n, 'content', repeat('0123456789abcdef', 1 << 20))) FROM generate_series(1, 4) n)) ->> 'seq' AS seq;
SELECT file_path, length(content) FROM quire.list_current_files(t.id(803), after_path => 'd/5', max_files => 10);
SELECT file_path FROM quire.list_files_at(t.id(803), 2, after_path => 'e/2', max_files => 10);
-- the content of one answer is bounded
\c - postgres
SET quire.max_call_memory = '16MB';
SELECT t.error($$SELECT count(*) FROM quire.list_current_files(t.id(803))$$);
SELECT t.error($$SELECT count(*) FROM quire.list_files_at(t.id(803), 2)$$);
SELECT count(*) FROM quire.list_current_files(t.id(803), 'd');
