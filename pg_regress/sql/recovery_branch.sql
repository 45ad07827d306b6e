-- Branches whose rows are corrupt, and documents that look through them: found, read no more, and repaired. Rows are spoilt by a superuser.
\c - postgres
CREATE FUNCTION t.branch_findings(project uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws('/', f ->> 'kind', f ->> 'fault', f -> 'key' ->> 'seq', f -> 'key' ->> 'branch', f -> 'key' ->> 'doc'), ', ' ORDER BY n)
    FROM quire.verify_project(project) v, jsonb_array_elements(v -> 'findings') WITH ORDINALITY f(f, n)
$$;
\c - regress_alice
SELECT quire.create_project('branches', t.id(3140)) IS NOT NULL AS created;
SELECT quire.put_doc(t.id(3140), 'd', '{"a": 1}') ->> 'seq' AS seq, quire.put_doc(t.id(3140), 'd', '{"a": 2}') ->> 'seq' AS seq;
SELECT quire.create_branch(t.id(3140), 'draft') ->> 'seq' AS seq, quire.create_branch(t.id(3140), 'more', 'draft') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(3140), 'd', '{"a": 3}', 'draft') ->> 'seq' AS seq, quire.delete_doc(t.id(3140), 'd', 'more') ->> 'seq' AS seq;
SELECT quire.close_branch(t.id(3140), 'more', 'draft') ->> 'seq' AS seq, t.branch_findings(t.id(3140)) AS sound;
-- each column of a row of current state
\c - postgres
DO $$
DECLARE
    what text;
    found text;
BEGIN
    FOREACH what IN ARRAY ARRAY['status = ''opn''', 'status = ''closed''', 'at_seq = 1', 'from_branch = ''more''', 'merged_into = ''main''', 'created_seq = 1', 'seq = 1'] LOOP
        EXECUTE format('CALL t.spoil(%L)', format('UPDATE quire_store.branch SET %s WHERE project_id = t.id(3140) AND branch = ''draft''', what));
        found := t.branch_findings(t.id(3140));
        RAISE NOTICE '%: %; read: %; written: %', what, found, t.error($e$SELECT quire.read_doc(t.id(3140), 'd', 'draft')$e$), t.error($e$SELECT quire.put_doc(t.id(3140), 'd', '{}', 'draft')$e$);
        PERFORM quire.repair(t.id(3140), quarantine_id) FROM quire.list_quarantine(t.id(3140));
        found := t.branch_findings(t.id(3140));
        IF found IS NOT NULL THEN
            RAISE EXCEPTION 'still %', found;
        END IF;
    END LOOP;
END
$$;
CALL t.spoil($$DELETE FROM quire_store.branch WHERE project_id = t.id(3140) AND branch = 'draft'$$);
\c - regress_alice
SELECT t.branch_findings(t.id(3140));
SELECT quire.repair(t.id(3140), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3140)) WHERE kind = 'branch';
SELECT t.branch_findings(t.id(3140)) AS sound, quire.read_doc(t.id(3140), 'd', 'draft');
-- an operation of the log
\c - postgres
CALL t.spoil($$UPDATE quire_store.branch_op SET at_seq = 1 WHERE project_id = t.id(3140) AND bundle_seq = 3$$);
\c - regress_alice
SELECT t.branch_findings(t.id(3140));
SELECT quire.repair(t.id(3140), quarantine_id, '{"op": {"op": "branch.create", "branch": "draft", "from_branch": "main", "at_seq": 2}}') ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3140)) WHERE kind = 'branch_op';
SELECT t.branch_findings(t.id(3140)) AS sound;
-- what branches have from others is found where it is, and repaired there
\c - postgres
CALL t.spoil($$UPDATE quire_store.doc_op SET heads = '{x}' WHERE project_id = t.id(3140) AND bundle_seq = 2$$);
\c - regress_alice
SELECT t.branch_findings(t.id(3140));
SELECT quire.repair(t.id(3140), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3140));
SELECT t.branch_findings(t.id(3140)) AS sound;
\c - postgres
CALL t.spoil($$UPDATE quire_store.doc_op SET total_bytes = total_bytes + 1 WHERE project_id = t.id(3140) AND bundle_seq IN (2, 5, 6)$$);
\c - regress_alice
SELECT t.branch_findings(t.id(3140));
SELECT quire.repair(t.id(3140), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3140));
SELECT t.branch_findings(t.id(3140)) AS sound;
-- a document that a branch has from another one whose row is corrupt
SELECT quire.create_branch(t.id(3140), 'reader') ->> 'seq' AS seq;
\c - postgres
CALL t.spoil($$UPDATE quire_store.doc_head SET tip = '{"a": 4}' WHERE project_id = t.id(3140) AND branch = 'main'$$);
\c - regress_alice
SELECT t.branch_findings(t.id(3140));
SELECT t.error($$SELECT quire.read_doc(t.id(3140), 'd', 'reader')$$), t.error($$SELECT quire.merge_branch(t.id(3140), 'draft')$$);
SELECT quire.repair(t.id(3140), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3140));
\c - postgres
CALL t.spoil($$UPDATE quire_store.doc_head SET heads = '{x}' WHERE project_id = t.id(3140) AND branch = 'draft'$$);
\c - regress_alice
SELECT t.branch_findings(t.id(3140));
SELECT quire.repair(t.id(3140), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(3140));
SELECT t.branch_findings(t.id(3140)) AS sound, quire.read_doc(t.id(3140), 'd', 'draft');
-- a change that is gone is not merged as if it had never been
\c - postgres
CALL t.spoil($$DELETE FROM quire_store.doc_change c USING quire_store.doc_op o WHERE o.project_id = t.id(3140) AND o.bundle_seq = 5 AND c.project_id = o.project_id AND c.doc_id = o.doc_id$$);
\c - regress_alice
SELECT t.error($$SELECT quire.merge_branch(t.id(3140), 'draft')$$);
SELECT t.branch_findings(t.id(3140));
SELECT quire.delete_project(t.id(3140), 'branches') IS NOT NULL AS deleted;
\c - postgres
SELECT (SELECT count(*) FROM quire_store.branch_op WHERE project_id = t.id(3140)) AS ops, (SELECT count(*) FROM quire_store.branch WHERE project_id = t.id(3140)) AS branches;
