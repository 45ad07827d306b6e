-- Packed changes: fewer rows, and every answer as before.
\c - regress_alice
SELECT quire.create_project('packed', t.id(5210)) IS NOT NULL AS created;
SELECT quire.put_doc(t.id(5210), 'long', '{"text": "", "n": 0}') ->> 'seq' AS seq;
SELECT count(quire.splice_doc_text(t.id(5210), 'long', '/text', (n - 1) % 7, 0, chr(97 + n % 26))) FROM generate_series(1, 600) n;
SELECT quire.create_branch(t.id(5210), 'b') ->> 'seq' AS seq;
SELECT quire.edit_doc(t.id(5210), 'long', '[{"op": "replace", "path": "/n", "value": 1}]', 'b') ->> 'seq' AS seq;
SELECT count(quire.splice_doc_text(t.id(5210), 'long', '/text', n % 7, 1, 'é')) FROM generate_series(1, 598) n;
SELECT quire.put_doc(t.id(5210), 'short', '{"a": 1}') ->> 'seq' AS seq;
-- who may
\c - regress_bob
SELECT t.error($$SELECT quire.pack_docs(t.id(5210))$$);
\c - regress_alice
SELECT quire.set_project_member(t.id(5210), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT t.error($$SELECT quire.pack_docs(t.id(5210))$$);
\c - regress_alice
SELECT t.error($$SELECT quire.pack_docs(NULL)$$), t.error($$SELECT quire.pack_docs(t.id(5210), NULL)$$), t.error($$SELECT quire.pack_docs(t.id(5210), 0)$$);
CREATE VIEW pg_temp.answer AS
    SELECT 'now' AS what, b AS branch, quire.read_doc(t.id(5210), 'long', b)::text AS answer FROM unnest('{main,b}'::text[]) b
    UNION ALL SELECT 'then', s::text, quire.read_doc(t.id(5210), 'long', at_seq => s)::text FROM unnest('{2,3,500,602,1000,1150}'::bigint[]) s
    UNION ALL SELECT 'json of bytes', b, quire.automerge_to_json(quire.read_doc_bytes(t.id(5210), 'long', b))::text FROM unnest('{main,b}'::text[]) b
    UNION ALL SELECT 'changes', b, md5(string_agg(encode(c, 'hex'), ' ' ORDER BY encode(c, 'hex'))) FROM unnest('{main,b}'::text[]) b,
        LATERAL unnest(quire.automerge_changes(quire.read_doc_bytes(t.id(5210), 'long', b))) c GROUP BY b
    UNION ALL SELECT 'history', b, md5(string_agg(h::text, E'\n' ORDER BY h.seq)) FROM unnest('{main,b}'::text[]) b, LATERAL quire.doc_history(t.id(5210), 'long', b, max_ops => 10000) h GROUP BY b
    UNION ALL SELECT 'blame', path, quire.explain_doc(t.id(5210), 'long', path)::text FROM unnest('{/text,/n}'::text[]) path
    UNION ALL SELECT 'events', NULL, md5(string_agg(e::text, E'\n' ORDER BY e.seq)) FROM unnest('{0,600}'::bigint[]) a, LATERAL quire.poll_events(t.id(5210), a, 1000, with_content => true) e
    UNION ALL SELECT 'bundle', s::text, quire.get_bundle(t.id(5210), s)::text FROM unnest('{2,700}'::bigint[]) s
    UNION ALL SELECT 'query', b, quire.query_docs(t.id(5210), jsonb_build_object('branch', b, 'where', '{"path": "/n", "ge": 0}'::jsonb, 'at_seq', 900))::text FROM unnest('{main,b}'::text[]) b
    UNION ALL SELECT 'branches', NULL, quire.diff_branches(t.id(5210), 'b', 'main')::text
    UNION ALL SELECT 'merge', NULL, (quire.merge_branch(t.id(5210), 'b', dry_run => true) #- '{docs,0,heads}')::text
    UNION ALL SELECT 'replay', NULL, quire.replay_project(t.id(5210))::text
    UNION ALL SELECT 'verify', NULL, quire.verify_project(t.id(5210))::text
    UNION ALL SELECT 'stats', NULL, quire.get_project_stats(t.id(5210))::text;
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.answer;
SELECT count(*), count(answer) FROM before;
SELECT left(answer, 300) AS answer FROM before WHERE what IN ('verify', 'now') ORDER BY what, branch;
CREATE TEMP TABLE change AS SELECT payload #>> '{docs,0,changes,0}' AS base64 FROM quire.poll_events(t.id(5210), 99, 1, with_content => true);
-- the newest 100 changes, and what is short, stay as they are
SELECT p - 'change_bytes' - 'stored_bytes' AS packed, (p ->> 'stored_bytes')::int * 10 < (p ->> 'change_bytes')::int AS is_less FROM quire.pack_docs(t.id(5210)) p;
(SELECT * FROM before EXCEPT SELECT * FROM pg_temp.answer) UNION ALL (SELECT * FROM pg_temp.answer EXCEPT SELECT * FROM before);
SELECT quire.pack_docs(t.id(5210));
-- what depends on a packed change is taken, what is packed is known, and who made it counts on
SELECT quire.apply_doc_changes(t.id(5210), 'long', ARRAY(SELECT decode(base64, 'base64') FROM change)) ->> 'applied' AS applied;
SELECT m ->> 'seq' AS seq, m -> 'conflicts' AS conflicts FROM quire.merge_branch(t.id(5210), 'b') m;
SELECT quire.read_doc(t.id(5210), 'long', paths => '{/n}');
SELECT quire.splice_doc_text(t.id(5210), 'long', '/text', 0, 0, '!') ->> 'applied' AS applied;
SELECT quire.edit_doc(t.id(5210), 'long', '[{"op": "replace", "path": "/n", "value": 2}]', 'b') ->> 'applied' AS applied;
SELECT quire.undo(t.id(5210)) ->> 'seq' AS seq;
SELECT count(*), bool_and(v -> 'findings' = '[]') AS sound FROM quire.verify_project(t.id(5210)) v;
-- a copy has its changes in rows
SELECT quire.clone_project(t.id(5210), 'copy') AS copy \gset
SELECT quire.read_doc(:'copy', 'long') = quire.read_doc(t.id(5210), 'long') AS same;
-- corrupt: what stands beside the changes is found and follows from them; a pack is taken apart for it
\c - postgres
SELECT count(*) AS packs, sum(last_place - first_place + 1) AS changes FROM quire_store.doc_pack WHERE project_id = t.id(5210);
CALL t.spoil($$UPDATE quire_store.doc_pack SET last_seqs = ARRAY[7] WHERE project_id = t.id(5210)$$);
\c - regress_alice
SELECT quire.verify_project(t.id(5210)) -> 'findings' -> 0 ->> 'description' AS found;
SELECT quire.repair(t.id(5210), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(5210));
SELECT quire.verify_project(t.id(5210)) -> 'findings' AS sound, quire.read_doc(t.id(5210), 'long', paths => '{/n}') AS doc;
\c - postgres
SELECT count(*) AS packs FROM quire_store.doc_pack WHERE project_id = t.id(5210);
-- a pack that cannot be read
\c - regress_alice
SELECT quire.pack_docs(t.id(5210)) - 'change_bytes' - 'stored_bytes' AS packed;
\c - postgres
CALL t.spoil($$UPDATE quire_store.doc_pack SET packed = set_byte(packed, 100, get_byte(packed, 100) # 1) WHERE project_id = t.id(5210)$$);
\c - regress_alice
SELECT t.error($$SELECT quire.read_doc(t.id(5210), 'long', at_seq => 500)$$), t.error($$SELECT quire.pack_docs(t.id(5210))$$);
SELECT jsonb_array_length(v -> 'findings') > 1000 AS found, v #>> '{findings,0,fault}' AS fault FROM quire.verify_project(t.id(5210)) v;
SELECT t.error($$SELECT quire.splice_doc_text(t.id(5210), 'long', '/text', 0, 0, '!')$$);
SELECT quire.delete_project(t.id(5210), 'packed') IS NOT NULL AS deleted;
\c - postgres
SELECT count(*) FROM quire_store.doc_pack WHERE project_id = t.id(5210);
