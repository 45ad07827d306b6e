-- Every path rule.
SELECT quire.create_project('paths', t.id(400)) IS NOT NULL AS created;
CREATE TEMP TABLE bad (n serial, path text);
INSERT INTO bad (path) VALUES
    (''), ('/abs'), ('a//b'), ('a/'), ('.'), ('..'), ('a/./b'), ('a/../b'), ('../up'), ('a\b'), (E'a\nb'), (E'a\tb'),
    (E'a\u007f'), (E'\u0085'), (repeat('x', 256)), (repeat('é', 128)), (repeat('d/', 512) || 'x');
SELECT n, left(path, 20) AS path, t.error(format('SELECT quire.upsert_project_file(t.id(400), %L, %L)', path, 'x')) FROM bad ORDER BY n;
SELECT DISTINCT left(t.error(format('SELECT quire.delete_project_file(t.id(400), %L)', path)), 38) FROM bad;
SELECT DISTINCT left(t.error(format('SELECT * FROM quire.read_project_file(t.id(400), %L)', path)), 38) FROM bad;
SELECT DISTINCT left(t.error(format('SELECT * FROM quire.project_file_history(t.id(400), %L)', path)), 38) FROM bad;
SELECT DISTINCT left(t.error(format('SELECT quire.move_project_file(t.id(400), %L, %L)', 'a', path)), 38) FROM bad;
SELECT DISTINCT left(t.error(format('SELECT quire.bulk_delete_project_files(t.id(400), ARRAY[%L])', path)), 38) FROM bad;
SELECT DISTINCT left(t.error(format('SELECT quire.bulk_upsert_project_files(t.id(400), %L)',
    jsonb_build_array(jsonb_build_object('file_path', path, 'content', 'x')))), 38) FROM bad;
SELECT t.rows(t.id(400));

-- Names people use.
SELECT count(*) FROM (VALUES ('a b/c d.txt'), ('日本語/ファイル.md'), ('.env'), ('..hidden'), ('a..'), ('%_\%'), ('''quoted"'),
    ('-rf'), ('$HOME'), ('a''; DROP TABLE quire_store.blob; --'), (repeat('x', 255)), ('emoji 🎉')) AS v (path)
CROSS JOIN LATERAL quire.upsert_project_file(t.id(400), replace(v.path, '\', '|'), v.path);
-- One path in two Unicode forms is one file.
SELECT version FROM quire.upsert_project_file(t.id(400), U&'caf\00e9', 'composed');
SELECT version FROM quire.upsert_project_file(t.id(400), U&'cafe\0301', 'decomposed');
SELECT content FROM quire.read_project_file(t.id(400), U&'cafe\0301');

-- Prefixes: no character is a wildcard, and src never matches srcx/.
SELECT quire.create_project('prefixes', t.id(401)) IS NOT NULL AS created;
SELECT count(*) FROM (VALUES ('src/a'), ('src/b/c'), ('srcx/a'), ('s_c/a'), ('s%/a'), ('srd'), ('100%/x'), ('100x/x'), ('a_b/x'), ('axb/x')) AS v (path)
CROSS JOIN LATERAL quire.upsert_project_file(t.id(401), v.path, 'x');
SELECT file_path FROM quire.list_current_files(t.id(401), 'src');
SELECT file_path FROM quire.list_current_files(t.id(401), 'src/');
SELECT file_path FROM quire.list_current_files(t.id(401), 'src/b/c');
SELECT file_path FROM quire.list_current_files(t.id(401), 's_c');
SELECT file_path FROM quire.list_current_files(t.id(401), 's%');
SELECT file_path FROM quire.list_current_files(t.id(401), '100%');
SELECT file_path FROM quire.list_current_files(t.id(401), 'a_b');
SELECT file_path FROM quire.list_current_files(t.id(401), 'sr');
SELECT count(*) FROM quire.list_current_files(t.id(401), '');
-- A prefix that is a file is that file, whatever sorts next to it; after a path means after it within the prefix.
SELECT count(*) FROM (VALUES ('srd!x'), ('srd '), ('srd.ts'), ('srd-'), ('srd0')) AS v (path)
CROSS JOIN LATERAL quire.upsert_project_file(t.id(401), v.path, 'x');
SELECT file_path FROM quire.list_current_files(t.id(401), 'srd');
SELECT file_path FROM quire.list_current_files(t.id(401), 'src', after_path => 'src/a');
SELECT file_path FROM quire.list_current_files(t.id(401), 'src', after_path => 'a', max_files => 1);
SELECT file_path FROM quire.list_current_files(t.id(401), 'src', after_path => 'srd');
-- Without content nothing else is another one.
SELECT count(*), count(content), count(content_hash) FROM quire.list_current_files(t.id(401), with_content => false);
SELECT (SELECT jsonb_agg(to_jsonb(f) - 'content') FROM quire.list_current_files(t.id(401)) f)
     = (SELECT jsonb_agg(to_jsonb(f) - 'content') FROM quire.list_current_files(t.id(401), with_content => false) f) AS same;
SELECT file_path, content FROM quire.list_current_files(t.id(401), 's%', max_files => 1, with_content => false);
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(401), with_content => NULL)$$);
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(401), '../x')$$);
SELECT t.error($$SELECT * FROM quire.list_current_files(t.id(401), 'a\b')$$);
