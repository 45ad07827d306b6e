-- Bringing an existing table's files in, with the caller's own rights on it.
SELECT quire.create_project('legacy', t.id(1500)) IS NOT NULL AS created;
CREATE TEMP TABLE old_files ("Path" text, body text, kind text);
INSERT INTO old_files SELECT format('dir/%s.txt', n), 'content ' || n, CASE WHEN n % 2 = 0 THEN 'even' END FROM generate_series(1, 2500) n;
SELECT quire.import_legacy_files(t.id(1500), 'old_files', 'Path', 'body', 'kind');
SELECT count(*), count(*) FILTER (WHERE type = 'even') AS even, count(*) FILTER (WHERE type = 'txt') AS inferred FROM quire.legacy_project_files WHERE project_id = t.id(1500);
SELECT seq, kind, op_count FROM quire.bundles WHERE project_id = t.id(1500) ORDER BY seq;
SELECT content FROM quire.read_project_file(t.id(1500), 'dir/77.txt');
-- the same request again changes nothing
SELECT quire.create_project('legacy again', t.id(1502)) IS NOT NULL AS created;
SELECT quire.import_legacy_files(t.id(1502), 'old_files', 'Path', 'body', correlation_id => t.id(1));
SELECT quire.import_legacy_files(t.id(1502), 'old_files', 'Path', 'body', correlation_id => t.id(1));
TRUNCATE old_files;
SELECT quire.import_legacy_files(t.id(1500), 'old_files', 'Path', 'body');
-- who may not write is told so, also when there is nothing to write
SELECT t.error($$SELECT quire.import_legacy_files(t.id(999999), 'old_files', 'Path', 'body')$$);
SELECT t.error($$SELECT quire.import_legacy_files(t.id(1500), 'old_files', 'nope', 'body')$$);
SELECT t.error($$SELECT quire.import_legacy_files(t.id(1500), NULL, 'Path', 'body')$$);
SELECT t.error($$SELECT quire.import_legacy_files(t.id(1500), 'old_files', 'Path; DROP TABLE old_files', 'body')$$);
INSERT INTO old_files VALUES ('fine', 'x'), ('../up', 'x');
SELECT t.error($$SELECT quire.import_legacy_files(t.id(1500), 'old_files', 'Path', 'body')$$);
SELECT count(*) FROM quire.legacy_project_files WHERE project_id = t.id(1500) AND path = 'fine';
-- a table that is gone
SELECT t.error($$SELECT quire.import_legacy_files(t.id(1500), 0::oid::regclass, 'Path', 'body')$$);
SELECT t.error($$SELECT quire.import_legacy_files(t.id(1500), '4294967295', 'Path', 'body')$$);
-- somebody else's table
\c - postgres
CREATE TABLE public.regress_secret (path text, content text);
INSERT INTO public.regress_secret VALUES ('a', 'secret');
\c - regress_alice
SELECT quire.create_project('mine', t.id(1501)) IS NOT NULL AS created;
SELECT t.error($$SELECT quire.import_legacy_files(t.id(1501), 'public.regress_secret', 'path', 'content')$$);
SELECT t.error($$SELECT quire.import_legacy_files(t.id(1501), 'quire_store.actor', 'display_name', 'display_name')$$);
\c - postgres
DROP TABLE public.regress_secret;
