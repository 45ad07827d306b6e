-- Snapshots of documents are a cache: without them, and with spoilt ones, every answer is the same.
\c - regress_alice
SELECT quire.create_project('saved', t.id(5590)) IS NOT NULL AS created;
SELECT quire.put_doc(t.id(5590), 'long', '{"text": "", "n": 0}') ->> 'seq' AS seq;
-- Who writes what is loaded anyway leaves one: after 500 changes, and after a tenth more than the last one has.
SELECT count(quire.splice_doc_text(t.id(5590), 'long', '/text', (n - 1) % 7, 0, chr(97 + n % 26))) FROM generate_series(1, 1100) n;
SELECT quire.create_branch(t.id(5590), 'b') ->> 'seq' AS seq;
SELECT count(quire.splice_doc_text(t.id(5590), 'long', '/text', (n - 1) % 7, 0, chr(65 + n % 26), branch => 'b')) FROM generate_series(1, 600) n;
SELECT count(quire.splice_doc_text(t.id(5590), 'long', '/text', (n - 1) % 7, 0, 'é')) FROM generate_series(1, 450) n;
SELECT quire.put_doc(t.id(5590), 'short', '{"a": 1}') ->> 'seq' AS seq;
\c - postgres
SELECT h.branch, s.place FROM quire_store.doc_snapshot s JOIN quire_store.doc_head h USING (project_id, doc_id) WHERE s.project_id = t.id(5590) ORDER BY h.branch, s.place;
-- the newest two are kept, each what it says
SELECT quire.automerge_heads(saved) = heads AS same FROM quire_store.doc_snapshot s WHERE s.project_id = t.id(5590);
CREATE FUNCTION t.of_saved() RETURNS TABLE (what text, branch text, answer text) LANGUAGE sql AS $$
    SELECT 'now', b, quire.read_doc(t.id(5590), 'long', b)::text FROM unnest('{main,b}'::text[]) b
    UNION ALL SELECT 'then', s::text, quire.read_doc(t.id(5590), 'long', at_seq => s)::text FROM unnest('{2,3,498,499,500,501,998,999,1000,1150,2000}'::bigint[]) s
    UNION ALL SELECT 'then on b', s::text, quire.read_doc(t.id(5590), 'long', 'b', at_seq => s)::text FROM unnest('{1103,1200,1501,1502,1700}'::bigint[]) s
    UNION ALL SELECT 'json of bytes', b, quire.automerge_to_json(quire.read_doc_bytes(t.id(5590), 'long', b))::text FROM unnest('{main,b}'::text[]) b
    UNION ALL SELECT 'changes', b, md5(string_agg(encode(c, 'hex'), ' ' ORDER BY encode(c, 'hex'))) FROM unnest('{main,b}'::text[]) b,
        LATERAL unnest(quire.automerge_changes(quire.read_doc_bytes(t.id(5590), 'long', b))) c GROUP BY b
    UNION ALL SELECT 'history', b, md5(string_agg(h::text, E'\n' ORDER BY h.seq)) FROM unnest('{main,b}'::text[]) b, LATERAL quire.doc_history(t.id(5590), 'long', b, max_ops => 10000) h GROUP BY b
    UNION ALL SELECT 'blame', path, quire.explain_doc(t.id(5590), 'long', path)::text FROM unnest('{/text,/n}'::text[]) path
    UNION ALL SELECT 'query', b, quire.query_docs(t.id(5590), jsonb_build_object('branch', b, 'where', '{"path": "/n", "ge": 0}'::jsonb, 'at_seq', 1600))::text FROM unnest('{main,b}'::text[]) b
    UNION ALL SELECT 'merge', NULL, (quire.merge_branch(t.id(5590), 'b', dry_run => true) #- '{docs,0,heads}')::text
    UNION ALL SELECT 'replay', NULL, quire.replay_project(t.id(5590))::text
    UNION ALL SELECT 'verify', NULL, quire.verify_project(t.id(5590))::text
    UNION ALL SELECT 'stats', NULL, quire.get_project_stats(t.id(5590))::text $$;
CREATE TABLE t.kept AS SELECT * FROM quire_store.doc_snapshot WHERE project_id = t.id(5590);
CREATE TABLE t.answered AS SELECT * FROM t.of_saved();
SELECT count(*), count(answer) FROM t.answered;
CREATE VIEW t.different AS (SELECT * FROM t.answered EXCEPT SELECT * FROM t.of_saved()) UNION ALL (SELECT * FROM t.of_saved() EXCEPT SELECT * FROM t.answered);
-- Each of these in a session that has loaded nothing: other bytes, another document, another's heads, none.
UPDATE quire_store.doc_snapshot SET saved = set_byte(saved, 100, get_byte(saved, 100) # 1) WHERE project_id = t.id(5590);
\c - postgres
TABLE t.different;
UPDATE quire_store.doc_snapshot SET saved = quire.automerge_from_json('{"text": "other"}') WHERE project_id = t.id(5590);
\c - postgres
TABLE t.different;
UPDATE quire_store.doc_snapshot SET heads = quire.automerge_heads(saved) WHERE project_id = t.id(5590);
\c - postgres
TABLE t.different;
UPDATE quire_store.doc_snapshot s SET saved = k.saved, heads = k.heads, place = s.place - 1 FROM t.kept k WHERE k.doc_id = s.doc_id AND k.place = s.place;
\c - postgres
TABLE t.different;
DELETE FROM quire_store.doc_snapshot WHERE project_id = t.id(5590);
\c - postgres
TABLE t.different;
-- pack_docs makes those that are due, and no others
\c - regress_alice
SELECT quire.pack_docs(t.id(5590)) - 'change_bytes' - 'stored_bytes' AS packed;
SELECT quire.pack_docs(t.id(5590)) - 'change_bytes' - 'stored_bytes' AS packed;
\c - postgres
TABLE t.different;
SELECT h.branch, s.place FROM quire_store.doc_snapshot s JOIN quire_store.doc_head h USING (project_id, doc_id) WHERE s.project_id = t.id(5590) ORDER BY h.branch, s.place;
-- a few large changes count as many small ones do; none where none are wanted
CREATE FUNCTION t.noise(n integer) RETURNS text LANGUAGE sql AS $$
    SELECT replace(encode(string_agg(sha256(format('%s %s', n, i)::bytea), ''), 'base64'), E'\n', '') FROM generate_series(1, 16000) i $$;
SELECT quire.create_project('large', t.id(5591)) IS NOT NULL AS created;
SELECT count(quire.put_doc(t.id(5591), 'd', jsonb_build_object('b', jsonb_build_object('$bytes', t.noise(n))))) FROM generate_series(1, 5) n;
SELECT quire.pack_docs(t.id(5591)) -> 'snapshots' AS snapshots;
SELECT place FROM quire_store.doc_snapshot s WHERE s.project_id = t.id(5591);
SET quire.doc_snapshots = 0;
SELECT count(quire.put_doc(t.id(5591), 'd', jsonb_build_object('b', jsonb_build_object('$bytes', t.noise(n))))) FROM generate_series(1, 5) n;
SELECT quire.pack_docs(t.id(5591)) -> 'snapshots' AS snapshots;
RESET quire.doc_snapshots;
SELECT quire.delete_project(t.id(5591), 'large') IS NOT NULL AS deleted;
SELECT count(*) AS snapshots FROM quire_store.doc_snapshot s WHERE s.project_id = t.id(5591);
DROP VIEW t.different;
DROP FUNCTION t.of_saved(), t.noise(integer);
DROP TABLE t.kept, t.answered;
