-- Subscriptions to documents: what enters, changes and leaves.
\c - regress_alice
SELECT quire.create_project('followed', t.id(5530)) IS NOT NULL AS created;
CREATE FUNCTION pg_temp.told(name text, most int DEFAULT 100) RETURNS TABLE (seq bigint, action text, branch text, doc text, value jsonb, changes int) LANGUAGE sql AS $$
    SELECT e.seq, d ->> 'action', d ->> 'branch', d ->> 'doc', d -> 'value', jsonb_array_length(d -> 'changes')
    FROM quire.poll_subscription(t.id(5530), name, most, '0 seconds') e, jsonb_array_elements(e.payload -> 'docs') WITH ORDINALITY d (d, n) ORDER BY e.seq, n $$;
SELECT quire.create_subscription(t.id(5530), 'big', '{"docs": {"prefix": "t/", "where": {"path": "/n", "gt": 10}, "select": {"number": "/n"}}}');
SELECT quire.create_subscription(t.id(5530), 'bytes', '{"docs": {"where": {"path": "/n", "gt": 10}, "format": "changes"}}');
SELECT quire.put_doc(t.id(5530), 't/a', '{"n": 1, "x": 1}') -> 'seq' AS seq;
SELECT quire.put_doc(t.id(5530), 't/a', '{"n": 11, "x": 1}') -> 'seq' AS seq;
SELECT quire.put_doc(t.id(5530), 't/a', '{"n": 12, "x": 1}') -> 'seq' AS seq;
SELECT quire.put_doc(t.id(5530), 'other', '{"n": 20}') -> 'seq' AS seq;
SELECT version FROM quire.upsert_project_file(t.id(5530), 't/a', 'a file of that name');
SELECT quire.put_doc(t.id(5530), 't/a', '{"n": 2, "x": 1}') -> 'seq' AS seq;
SELECT quire.put_doc(t.id(5530), 't/a', '{"n": 30}') -> 'seq' AS seq;
SELECT quire.delete_doc(t.id(5530), 't/a') -> 'seq' AS seq;
SELECT * FROM pg_temp.told('big');
SELECT * FROM pg_temp.told('bytes');
SELECT seq, event, payload - 'docs' - 'timestamp' - 'sender' AS rest, payload ?& '{timestamp,sender}' AS origin FROM quire.poll_subscription(t.id(5530), 'big', lease => '1 hour') LIMIT 1;
-- leased; a part acknowledged; the rest again, and nothing of the part
SELECT count(*) FROM pg_temp.told('big');
SELECT quire.ack_subscription(t.id(5530), 'big', 3);
SELECT seq, action FROM pg_temp.told('big');
SELECT seq, action FROM pg_temp.told('big', 1);
-- who begins in the middle hears the same
SELECT quire.create_subscription(t.id(5530), 'late', '{"docs": {"prefix": "t/", "where": {"path": "/n", "gt": 10}}}', 3);
SELECT seq, action, value FROM pg_temp.told('late');
-- a branch: what it has from main was there before
SELECT quire.create_branch(t.id(5530), 'draft', at_seq => 4) IS NOT NULL AS created;
SELECT quire.create_subscription(t.id(5530), 'drafts', '{"docs": {"branch": "draft", "where": {"path": "/n", "gt": 10}}}');
SELECT quire.create_subscription(t.id(5530), 'draft bytes', '{"docs": {"branch": "draft", "where": {"path": "/n", "gt": 10}, "format": "changes"}}');
SELECT quire.put_doc(t.id(5530), 'other', '{"n": 21}', branch => 'draft') -> 'seq' AS seq;
SELECT quire.put_doc(t.id(5530), 'other', '{"n": 3}', branch => 'draft') -> 'seq' AS seq;
SELECT * FROM pg_temp.told('drafts');
SELECT * FROM pg_temp.told('draft bytes');
-- what the deliveries add up to is what query_docs finds, after every bundle
SELECT quire.create_subscription(t.id(5530), 'sum', '{"docs": {"where": {"path": "/n", "gt": 4}}}');
SELECT max((quire.put_doc(t.id(5530), 's/' || (i * 7) % 5, jsonb_build_object('n', (i * 5) % 11)) ->> 'seq')::int) IS NOT NULL AS written FROM generate_series(1, 60) i;
SELECT quire.undo(t.id(5530)) IS NOT NULL AS undone;
CREATE TEMP TABLE told AS SELECT * FROM pg_temp.told('sum', 1000);
SELECT count(*) > 20 AS many, count(DISTINCT action) AS actions FROM told;
SELECT count(*) AS seqs, count(*) FILTER (WHERE followed IS DISTINCT FROM found) AS different FROM (
    SELECT (SELECT jsonb_object_agg(doc, value) FROM (SELECT DISTINCT ON (doc) doc, action, value FROM told WHERE told.seq <= b.seq ORDER BY doc, told.seq DESC) l WHERE action <> 'leave') AS followed,
           (SELECT jsonb_object_agg(d ->> 'doc', d -> 'value') FROM jsonb_array_elements(quire.query_docs(t.id(5530), jsonb_build_object('at_seq', b.seq, 'where', '{"path": "/n", "gt": 4}'::jsonb)) -> 'docs') d) AS found
    FROM quire.bundles b WHERE b.project_id = t.id(5530)) c;
SELECT t.error(format($$SELECT quire.create_subscription(t.id(5530), 'x', %L)$$, f)) FROM unnest(ARRAY['{"docs": []}', '{"docs": null}', '{"docs": {}, "paths": ["a"]}', '{"docs": {"sort": []}}', '{"docs": {"expand": ["/a"]}}', '{"docs": {"format": "xml"}}', '{"docs": {"format": "changes", "select": ["/n"]}}', '{"docs": {"where": {"schema": "s"}}}', '{"docs": {"where": {"path": "n"}}}', '{"docs": {"branch": "none"}}']) f;
-- a member who is one no more
SELECT quire.set_project_member(t.id(5530), t.actor('bob'), 'viewer') ->> 'role' AS role;
\c - regress_bob
SELECT quire.create_subscription(t.id(5530), 'of bob', '{"docs": {}}');
SELECT count(*) > 0 AS told FROM quire.poll_subscription(t.id(5530), 'of bob', lease => '0 seconds');
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(5530), 'big')$$);
\c - regress_alice
SELECT quire.delete_project_member(t.id(5530), t.actor('bob'));
\c - regress_bob
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(5530), 'of bob')$$);
