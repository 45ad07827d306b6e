-- Documents whose rows are corrupt: found, read no more, and repaired. Rows are spoilt by a superuser, past the guards.
\c - postgres
CREATE FUNCTION t.doc_findings(project uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws('/', f ->> 'kind', f ->> 'fault', f -> 'key' ->> 'seq', f -> 'key' ->> 'doc'), ', ' ORDER BY n)
    FROM quire.verify_project(project) v, jsonb_array_elements(v -> 'findings') WITH ORDINALITY f(f, n)
$$;
\c - regress_alice
SELECT quire.create_project('docs', t.id(3130)) IS NOT NULL AS created;
SELECT quire.put_doc(t.id(3130), 'd', '{"a": 1}') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(3130), 'd', '{"a": 2}') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(3130), 'd', '{"a": 3}') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(3130), 'other', '{"b": 1}') ->> 'seq' AS seq;
SELECT quire.delete_doc(t.id(3130), 'other') ->> 'seq' AS seq;
SELECT t.doc_findings(t.id(3130)) AS sound;
SELECT jsonb_build_object('op', jsonb_build_object('op', 'doc.change', 'branch', 'main', 'doc', 'd', 'changes', payload #> '{docs,0,changes}')) AS copy FROM quire.poll_events(t.id(3130), 1, 1) \gset
-- a change that is not what was recorded: an operation of the log
\c - postgres
CALL t.spoil($$UPDATE quire_store.doc_change c SET bytes = set_byte(c.bytes, 12, get_byte(c.bytes, 12) # 1) FROM quire_store.doc_op o WHERE o.project_id = t.id(3130) AND o.bundle_seq = 2 AND c.project_id = o.project_id AND c.doc_id = o.doc_id AND c.place = o.first_place$$);
\c - regress_alice
SELECT t.doc_findings(t.id(3130));
SELECT quire.read_doc(t.id(3130), 'd') AS kept_beside, t.error($$SELECT quire.read_doc(t.id(3130), 'd', at_seq => 3)$$), t.error($$SELECT * FROM quire.doc_history(t.id(3130), 'd')$$), t.error($$SELECT quire.undo(t.id(3130))$$);
SELECT t.error($$SELECT quire.repair(t.id(3130), quarantine_id) FROM quire.list_quarantine(t.id(3130))$$);
SELECT t.error(format($$SELECT quire.repair(t.id(3130), quarantine_id, %L) FROM quire.list_quarantine(t.id(3130))$$, jsonb_set(:'copy', '{op,doc}', '"e"')));
SELECT quire.repair(t.id(3130), quarantine_id, :'copy') ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3130));
SELECT t.doc_findings(t.id(3130)) AS sound;
SELECT quire.read_doc(t.id(3130), 'd', at_seq => 2) AS doc;
-- what is beside the bytes and the operation follows from them
\c - postgres
CALL t.spoil($$UPDATE quire_store.doc_change SET max_op = max_op + 1 WHERE project_id = t.id(3130) AND place = 3$$);
\c - regress_alice
SELECT t.doc_findings(t.id(3130));
SELECT quire.repair(t.id(3130), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3130));
\c - postgres
CALL t.spoil($$UPDATE quire_store.doc_op SET heads = ARRAY[repeat('0', 64)] WHERE project_id = t.id(3130) AND bundle_seq = 3$$);
\c - regress_alice
SELECT t.doc_findings(t.id(3130));
SELECT quire.repair(t.id(3130), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3130));
SELECT t.doc_findings(t.id(3130)) AS sound;
-- current state: heads, counts, what is kept as JSON, what was deleted
\c - postgres
CALL t.spoil($$UPDATE quire_store.doc_head SET tip = '{"a": 4}' WHERE project_id = t.id(3130) AND doc = 'd'$$);
CALL t.spoil($$UPDATE quire_store.doc_head SET deleted_heads = '{}' WHERE project_id = t.id(3130) AND doc = 'other'$$);
\c - regress_alice
SELECT t.doc_findings(t.id(3130));
SELECT t.error($$SELECT quire.read_doc(t.id(3130), 'd')$$), t.error($$SELECT * FROM quire.list_docs(t.id(3130))$$);
SELECT quire.repair(t.id(3130), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3130));
SELECT quire.read_doc(t.id(3130), 'd'), t.error($$SELECT quire.read_doc(t.id(3130), 'other')$$);
\c - postgres
CALL t.spoil($$DELETE FROM quire_store.doc_head WHERE project_id = t.id(3130) AND doc = 'd'$$);
\c - regress_alice
SELECT t.doc_findings(t.id(3130));
SELECT quire.repair(t.id(3130), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3130));
SELECT quire.read_doc(t.id(3130), 'd'), t.doc_findings(t.id(3130)) AS sound;
-- the totals of the project
\c - postgres
CALL t.spoil($$UPDATE quire_store.project_head SET doc_bytes = doc_bytes + 1 WHERE project_id = t.id(3130)$$);
\c - regress_alice
SELECT t.doc_findings(t.id(3130));
SELECT quire.repair(t.id(3130), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3130));
-- a row that is gone
\c - postgres
CALL t.spoil($$DELETE FROM quire_store.doc_change WHERE project_id = t.id(3130) AND place = 4$$);
\c - regress_alice
SELECT t.doc_findings(t.id(3130));
-- all of it goes with the project
SELECT quire.delete_project(t.id(3130), 'docs') IS NOT NULL AS deleted;
