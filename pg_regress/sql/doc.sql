-- Documents: edits from SQL, changes of clients, any point in time, undo, deletion, the sync protocol.
\c - regress_alice
SELECT quire.create_project('documents', t.id(5500)) IS NOT NULL AS created;
-- put_doc makes a document and changes it by the smallest difference
SELECT r ->> 'seq' AS seq, r -> 'applied' AS applied, r -> 'ops' -> 0 ->> 'status' AS status, jsonb_array_length(r -> 'heads') AS heads FROM quire.put_doc(t.id(5500), 'notes/a', '{"title": "Hello", "tags": ["a", "b"], "n": {"$counter": 1}}') r;
SELECT quire.read_doc(t.id(5500), 'notes/a');
SELECT r ->> 'seq' AS seq, r -> 'applied' AS applied FROM quire.put_doc(t.id(5500), 'notes/a', '{"title": "Hello!", "tags": ["b"], "n": {"$counter": 3}}', message => 'shorter') r;
SELECT r ->> 'seq' AS seq, r ->> 'bundle_id' AS bundle, r -> 'ops' -> 0 ->> 'status' AS status FROM quire.put_doc(t.id(5500), 'notes/a', '{"title": "Hello!", "tags": ["b"], "n": {"$counter": 3}}') r;
-- edit_doc is a JSON Patch with two more operations; splice_doc_text is one of them
SELECT r ->> 'seq' AS seq FROM quire.edit_doc(t.id(5500), 'notes/a', '[{"op": "test", "path": "/tags/0", "value": "b"}, {"op": "add", "path": "/tags/-", "value": {"$ref": {"doc": "notes/b"}}}, {"op": "increment", "path": "/n", "by": 2}, {"op": "splice", "path": "/title", "index": 5, "delete": 1, "insert": ", world"}]') r;
SELECT r ->> 'seq' AS seq FROM quire.splice_doc_text(t.id(5500), 'notes/a', '/title', 0, 1, 'h') r;
SELECT quire.read_doc(t.id(5500), 'notes/a'), quire.read_doc(t.id(5500), 'notes/a', paths => '{/title,/tags/1/$ref,/none}');
-- a document begins with an edit, too
SELECT r ->> 'seq' AS seq, r -> 'applied' AS applied FROM quire.edit_doc(t.id(5500), 'notes/b', '[{"op": "add", "path": "/x", "value": 1}]') r;
SELECT doc, cardinality(heads) AS heads, change_count, seq, display_name FROM quire.list_docs(t.id(5500));
SELECT doc FROM quire.list_docs(t.id(5500), prefix => 'notes/', after_doc => 'notes/a', max_docs => 1);
SELECT count(*) FROM quire.list_docs(t.id(5500), prefix => 'x');
-- history, and every point of it
SELECT seq, op, cardinality(heads) AS heads, change_count, display_name, kind, message FROM quire.doc_history(t.id(5500), 'notes/a');
SELECT seq FROM quire.doc_history(t.id(5500), 'notes/a', before_seq => 3, max_ops => 1);
SELECT h.seq, quire.read_doc(t.id(5500), 'notes/a', at_seq => h.seq) AS doc, quire.read_doc(t.id(5500), 'notes/a', at_heads => h.heads) = quire.read_doc(t.id(5500), 'notes/a', at_seq => h.seq) AS same,
    quire.read_doc(t.id(5500), 'notes/a', at_time => h.committed_at) = quire.read_doc(t.id(5500), 'notes/a', at_seq => h.seq) AS same_then
FROM quire.doc_history(t.id(5500), 'notes/a') h ORDER BY h.seq;
SELECT quire.diff_doc(t.id(5500), 'notes/a', h.heads) AS to_now, quire.diff_doc(t.id(5500), 'notes/a', '{}', h.heads) AS from_nothing FROM quire.doc_history(t.id(5500), 'notes/a', before_seq => 2) h;
SELECT e - '{change,doc_actor,changed_at,bundle_id,actor}'::text[] AS who FROM unnest('{/title,/title/0,/tags/0,/n,""}'::text[]) p, quire.explain_doc(t.id(5500), 'notes/a', p) e;
-- the operations, the log and the events
SELECT seq, op, target, jsonb_array_length(before -> 'heads') AS before, jsonb_array_length(after -> 'heads') AS after, after -> 'changes' AS changes FROM quire.oplog WHERE project_id = t.id(5500) ORDER BY seq, ordinal;
SELECT seq, event, jsonb_path_query_array(payload, '$.docs[*].doc') AS docs, jsonb_path_query_array(payload, '$.docs[*].change_count') AS counts, jsonb_path_query_array(payload, '$.docs[*].changes.size()') AS sent FROM quire.poll_events(t.id(5500));
SELECT payload #> '{docs,0}' ? 'changes' AS has_changes FROM quire.poll_events(t.id(5500), max_events => 1, with_content => false);
-- changes of a client: those of one document make another one
SELECT array_agg(decode(c, 'base64') ORDER BY e.seq, n) AS changes FROM quire.poll_events(t.id(5500)) e, jsonb_array_elements(e.payload -> 'docs') d, jsonb_array_elements_text(d -> 'changes') WITH ORDINALITY AS c(c, n) WHERE d ->> 'doc' = 'notes/a' \gset
SELECT r ->> 'seq' AS seq, r -> 'applied' AS applied, r -> 'heads' = to_jsonb(d.heads) AS same_heads FROM quire.apply_doc_changes(t.id(5500), 'copy', :'changes'::bytea[]) r, quire.list_docs(t.id(5500), prefix => 'notes/a') d;
SELECT quire.read_doc(t.id(5500), 'copy') = quire.read_doc(t.id(5500), 'notes/a') AS same;
SELECT r -> 'applied' AS applied, r ->> 'bundle_id' AS bundle, r -> 'ops' -> 0 ->> 'status' AS status FROM quire.apply_doc_changes(t.id(5500), 'copy', :'changes'::bytea[]) r;
SELECT r -> 'applied' AS applied FROM quire.apply_doc_changes(t.id(5500), 'less', (:'changes'::bytea[])[:2]) r;
SELECT regexp_replace(t.error(format('SELECT quire.apply_doc_changes(t.id(5500), ''less'', (%L::bytea[])[4:4])', :'changes')), '[0-9a-f]{64}', 'CHANGE') AS error;
SELECT jsonb_array_length(t.detail(format('SELECT quire.apply_doc_changes(t.id(5500), ''less'', (%L::bytea[])[4:4])', :'changes')) -> 'missing') AS missing;
SELECT regexp_replace(t.error(format('SELECT quire.apply_doc_changes(t.id(5500), ''less'', (%L::bytea[])[4:4] || (%L::bytea[])[3:3])', :'changes', :'changes')), '[0-9a-f]{64}', 'CHANGE') AS error;
-- as an operation of a bundle, with others
SELECT r ->> 'seq' AS seq, r -> 'ops' AS ops FROM quire.commit_bundle(t.id(5500), jsonb_build_array('{"op": "file.put", "file_path": "f", "content": "x"}'::jsonb, jsonb_build_object('op', 'doc.change', 'doc', 'first', 'changes', jsonb_build_array(encode(t.first_change(), 'base64'))))) r;
SELECT seq, ordinal, op, target FROM quire.oplog WHERE project_id = t.id(5500) AND seq = 9 ORDER BY ordinal;
-- base heads: who has seen something else is refused
SELECT t.error($$SELECT quire.put_doc(t.id(5500), 'copy', '{}', base_heads => '{}')$$), t.detail($$SELECT quire.put_doc(t.id(5500), 'copy', '{}', base_heads => '{}')$$) -> 'doc' AS doc;
SELECT t.error(format($$SELECT quire.%s, base_heads => ARRAY[repeat('0', 64)])$$, c)) FROM unnest(ARRAY['apply_doc_changes(t.id(5500), ''copy'', ARRAY[t.first_change()]', 'edit_doc(t.id(5500), ''copy'', ''[]''', 'splice_doc_text(t.id(5500), ''copy'', ''/title'', 0, 0, ''x''', 'delete_doc(t.id(5500), ''copy''']) c;
SELECT r -> 'applied' AS applied FROM quire.list_docs(t.id(5500), prefix => 'copy') d, quire.put_doc(t.id(5500), 'copy', '{"a": 1}', base_heads => d.heads) r;
SELECT r -> 'applied' AS applied FROM quire.put_doc(t.id(5500), 'new', '{"a": 1}', base_heads => '{}') r;
-- the same request again
SELECT r ->> 'seq' AS seq FROM quire.put_doc(t.id(5500), 'new', '{"a": 2}', correlation_id => t.id(1)) r;
SELECT r ->> 'seq' AS seq, r -> 'applied' AS applied FROM quire.put_doc(t.id(5500), 'new', '{"a": 2}', correlation_id => t.id(1)) r;
SELECT t.error($$SELECT quire.put_doc(t.id(5500), 'new', '{"a": 3}', correlation_id => t.id(1))$$);
-- undo is a new change; what somebody else wrote at the same place is in the way
SELECT r ->> 'seq' AS seq FROM quire.put_doc(t.id(5500), 'u', '{"a": 1, "b": 1, "t": "one\n-\n-\ntwo\n"}') r;
SELECT r ->> 'seq' AS seq FROM quire.put_doc(t.id(5500), 'u', '{"a": 2, "b": 1, "t": "one\n-\n-\nTWO\n"}') r;
SELECT r ->> 'seq' AS seq FROM quire.put_doc(t.id(5500), 'u', '{"a": 2, "b": 2, "t": "ONE\n-\n-\nTWO\n"}') r;
SELECT quire.revert_bundle(t.id(5500), (SELECT min(seq) + 1 FROM quire.doc_history(t.id(5500), 'u'))) ->> 'seq' AS seq;
SELECT quire.read_doc(t.id(5500), 'u');
SELECT r ->> 'seq' AS seq FROM quire.put_doc(t.id(5500), 'u', '{"a": 3, "b": 2, "t": "ONE\n-\n-\nzwei\n"}') r;
SELECT t.error(format('SELECT quire.revert_bundle(t.id(5500), %s)', min(seq) + 1)) AS in_the_way, t.detail(format('SELECT quire.revert_bundle(t.id(5500), %s)', min(seq) + 1)) -> 'conflicts' -> 0 ->> 'path' AS path FROM quire.doc_history(t.id(5500), 'u');
SELECT quire.revert_bundle(t.id(5500), (SELECT min(seq) + 1 FROM quire.doc_history(t.id(5500), 'u')), 'skip') -> 'skipped' -> 0 ->> 'path' AS skipped;
-- what made a document is taken back by deleting it, and that by bringing it back
SELECT r ->> 'seq' AS made FROM quire.put_doc(t.id(5500), 'gone', '{"a": 1}') r \gset
SELECT quire.undo(t.id(5500)) ->> 'seq' = (:made + 1)::text AS undone;
SELECT t.error($$SELECT quire.read_doc(t.id(5500), 'gone')$$), t.detail($$SELECT quire.read_doc(t.id(5500), 'gone')$$) -> 'is_deleted' AS is_deleted;
SELECT quire.redo(t.id(5500)) ->> 'seq' = (:made + 2)::text AS redone;
SELECT quire.read_doc(t.id(5500), 'gone');
-- what a bundle did to whether a document is there is taken back, too
SELECT quire.delete_doc(t.id(5500), 'gone') ->> 'seq' IS NOT NULL AS deleted;
SELECT quire.undo(t.id(5500)) ->> 'seq' IS NOT NULL AS undone, quire.read_doc(t.id(5500), 'gone') AS back;
SELECT quire.redo(t.id(5500)) ->> 'seq' IS NOT NULL AS redone;
SELECT t.error($$SELECT quire.read_doc(t.id(5500), 'gone')$$);
SELECT quire.put_doc(t.id(5500), 'gone', '{"a": 9}') ->> 'seq' IS NOT NULL AS brought_back;
SELECT quire.undo(t.id(5500)) ->> 'seq' IS NOT NULL AS undone;
SELECT t.error($$SELECT quire.read_doc(t.id(5500), 'gone')$$) AS deleted_as_before;
SELECT quire.put_doc(t.id(5500), 'gone', '{"a": 1}') ->> 'seq' AS first \gset
SELECT quire.put_doc(t.id(5500), 'gone', '{"a": 2}') ->> 'seq' AS second \gset
SELECT quire.delete_doc(t.id(5500), 'gone') ->> 'seq' IS NOT NULL AS deleted;
SELECT split_part(t.error(format('SELECT quire.revert_bundle(t.id(5500), %s)', :second)), '(bundle', 1) AS deleted_since;
SELECT quire.undo(t.id(5500)) ->> 'seq' IS NOT NULL AS undone, quire.read_doc(t.id(5500), 'gone') AS back;
SELECT quire.commit_bundle(t.id(5500), jsonb_build_array(jsonb_build_object('op', 'doc.change', 'doc', 'brief', 'changes', jsonb_build_array(encode(t.first_change(), 'base64'))), '{"op": "doc.delete", "doc": "brief"}'::jsonb)) ->> 'seq' IS NOT NULL AS brief;
SELECT quire.undo(t.id(5500)) -> 'ops' AS nothing, t.error($$SELECT quire.read_doc(t.id(5500), 'brief')$$);
-- delete_doc: history stays, put_doc goes on, a change that did not know of it survives
SELECT r -> 'applied' AS applied, r -> 'ops' -> 0 ->> 'status' AS status FROM quire.delete_doc(t.id(5500), 'gone', message => 'no use') r;
SELECT t.error(s) FROM unnest(ARRAY[$$SELECT quire.read_doc(t.id(5500), 'gone')$$, $$SELECT quire.read_doc_bytes(t.id(5500), 'gone')$$, $$SELECT quire.delete_doc(t.id(5500), 'gone')$$, $$SELECT quire.edit_doc(t.id(5500), 'gone', '[]')$$, $$SELECT quire.splice_doc_text(t.id(5500), 'gone', '/a', 0, 0, 'x')$$, $$SELECT quire.explain_doc(t.id(5500), 'gone', '/a')$$, $$SELECT quire.doc_conflicts(t.id(5500), 'gone')$$]) s;
SELECT quire.read_doc(t.id(5500), 'gone', at_seq => :made);
SELECT op, cardinality(heads) AS heads, message FROM quire.doc_history(t.id(5500), 'gone') LIMIT 2;
SELECT count(*) FROM quire.list_docs(t.id(5500), prefix => 'gone');
SELECT r -> 'applied' AS applied FROM quire.put_doc(t.id(5500), 'gone', '{"a": 1}') r;
SELECT quire.read_doc(t.id(5500), 'gone'), max(change_count) AS changes FROM quire.list_docs(t.id(5500), prefix => 'gone');
-- submit_tx: several documents, all or none, if what was read is still so
CREATE FUNCTION pg_temp.written(doc text, changes bytea[], more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('doc', doc, 'changes', (SELECT jsonb_agg(encode(c, 'base64')) FROM unnest(changes) c)) || more $$;
CREATE FUNCTION pg_temp.short(receipt jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', CASE WHEN receipt ->> 'tx_id' IS NULL THEN 'nothing' ELSE 'done' END, (SELECT string_agg(concat_ws(':', r ->> 'doc', r ->> 'status', r ->> 'reason', r ->> 'applied'), ' ' ORDER BY n) FROM jsonb_array_elements(receipt -> 'results') WITH ORDINALITY r(r, n)),
        '|', (SELECT string_agg(concat_ws(':', c ->> 'doc', c ->> 'reason'), ' ' ORDER BY n) FROM jsonb_array_elements(receipt -> 'conflicts') WITH ORDINALITY c(c, n))) $$;
SELECT pg_temp.short(quire.submit_tx(t.id(5500), jsonb_build_object('client_tx_id', t.id(7), 'message', 'two', 'writes', jsonb_build_array(pg_temp.written('tx/a', :'changes'), pg_temp.written('tx/b', (:'changes'::bytea[])[:1])))));
SELECT pg_temp.short(quire.submit_tx(t.id(5500), jsonb_build_object('client_tx_id', t.id(7), 'message', 'two', 'writes', jsonb_build_array(pg_temp.written('tx/a', :'changes'), pg_temp.written('tx/b', (:'changes'::bytea[])[:1])))));
SELECT op_count, message FROM quire.bundles WHERE project_id = t.id(5500) ORDER BY seq DESC LIMIT 1;
SELECT pg_temp.short(quire.submit_tx(t.id(5500), jsonb_build_object('reads', '[{"doc": "tx/a", "heads": []}, {"doc": "none", "heads": []}]'::jsonb, 'writes', jsonb_build_array(pg_temp.written('tx/c', :'changes')))));
SELECT pg_temp.short(quire.submit_tx(t.id(5500), jsonb_build_object('writes', jsonb_build_array(pg_temp.written('tx/c', :'changes'), pg_temp.written('tx/b', (:'changes'::bytea[])[4:4]), pg_temp.written('tx/a', :'changes', '{"base_heads": []}'), pg_temp.written('x', :'changes', '{"branch": "side"}')))));
SELECT count(*) FROM quire.list_docs(t.id(5500), prefix => 'tx/c');
SELECT pg_temp.short(quire.submit_tx(t.id(5500), jsonb_build_object('reads', jsonb_build_array(jsonb_build_object('doc', 'tx/b', 'heads', d.heads)), 'writes', jsonb_build_array(pg_temp.written('tx/b', :'changes', '{"base_heads": [], "allow_server_merge": true}'))))) FROM quire.list_docs(t.id(5500), prefix => 'tx/b') d;
SELECT r - '{seq,checksum}'::text[] AS receipt FROM quire.submit_tx(t.id(5500), jsonb_build_object('writes', jsonb_build_array(pg_temp.written('tx/b', :'changes')), 'options', '{"return_heads": false}'::jsonb)) r;
SELECT t.error(format('SELECT quire.submit_tx(t.id(5500), %L)', x)) FROM unnest(ARRAY['[]', '{}', '{"writes": []}', '{"writes": [{"doc": "x"}]}', '{"writes": [{"doc": "x", "changes": ["AAAA"]}]}', '{"writes": [{"doc": "", "changes": ["AAAA"]}]}', '{"writes": [{"doc": "x", "changes": [], "more": 1}]}',
    format('{"client_tx_id": "%s", "writes": [{"doc": "x", "changes": ["%s"]}]}', t.id(7), encode(t.first_change(), 'base64')), format('{"reads": [{"doc": "x"}], "writes": [{"doc": "x", "changes": ["%s"]}]}', encode(t.first_change(), 'base64'))]) x;
-- no bytes that Automerge does not make get in
SELECT t.error(format('SELECT quire.apply_doc_changes(t.id(5500), ''bad'', ARRAY[%L::bytea])', b)) FROM unnest(ARRAY['', 'x', '\x856f4a83', substr(t.first_change(), 1, 20), set_byte(t.first_change(), 30, 7), t.first_change() || '\x00']::bytea[]) b;
SELECT t.error(s) FROM unnest(ARRAY[
    $$SELECT quire.put_doc(t.id(5500), 'bad', '[1]')$$, $$SELECT quire.put_doc(t.id(5500), 'bad', '{"a": {"$counter": "x"}}')$$, $$SELECT quire.edit_doc(t.id(5500), 'bad', '{}')$$, $$SELECT quire.edit_doc(t.id(5500), 'bad', '[{"op": "remove", "path": "/a"}]')$$,
    $$SELECT quire.edit_doc(t.id(5500), 'new', '[{"op": "test", "path": "/a", "value": 9}]')$$, $$SELECT quire.splice_doc_text(t.id(5500), 'u', '/t', 99, 0, 'x')$$, $$SELECT quire.splice_doc_text(t.id(5500), 'u', '/a', 0, 0, 'x')$$,
    $$SELECT quire.read_doc(t.id(5500), 'u', at_seq => 99)$$, $$SELECT quire.read_doc(t.id(5500), 'u', at_seq => 1)$$, $$SELECT quire.read_doc(t.id(5500), 'u', at_seq => 1, at_heads => '{}')$$, $$SELECT quire.read_doc(t.id(5500), 'u', at_heads => ARRAY[repeat('0', 64)])$$,
    $$SELECT quire.read_doc(t.id(5500), 'u', paths => '{a}')$$, $$SELECT quire.diff_doc(t.id(5500), 'u', ARRAY[repeat('0', 64)])$$, $$SELECT quire.explain_doc(t.id(5500), 'u', '/none')$$, $$SELECT quire.explain_doc(t.id(5500), 'u', 'none')$$,
    $$SELECT quire.read_doc(t.id(5500), 'u', 'side')$$, $$SELECT quire.put_doc(t.id(5500), 'u', '{}', 'side')$$, $$SELECT * FROM quire.list_docs(t.id(5500), 'side')$$, $$SELECT quire.read_doc(t.id(5500), E'a\nb')$$, $$SELECT quire.put_doc(t.id(5500), repeat('x', 256), '{}')$$,
    $$SELECT quire.commit_bundle(t.id(5500), '[{"op": "doc.change", "doc": "x", "changes": []}]')$$, $$SELECT quire.commit_bundle(t.id(5500), '[{"op": "doc.change", "doc": "x", "changes": ["?"]}]')$$, $$SELECT quire.commit_bundle(t.id(5500), '[{"op": "doc.delete", "doc": "x"}]')$$]) s;
SELECT count(*) FROM quire.list_docs(t.id(5500), prefix => 'bad');
-- numbers that PostgreSQL writes otherwise, forms in one another, and more heads than a document may have
SELECT quire.put_doc(t.id(5500), 'numbers', '{"a": 1e16, "b": -1.5e17, "c": 1e19, "d": 1e300, "e": 0.1, "f": -0.0, "g": 18446744073709551615, "h": {"$number": "NaN"}, "i": 12345678901234567890123}') ->> 'seq' IS NOT NULL AS put;
SELECT quire.read_doc(t.id(5500), 'numbers');
SELECT v -> 'findings' AS findings FROM quire.verify_project(t.id(5500)) v;
-- the sync protocol: who asks first hears heads; an empty answer ends it
SELECT message IS NOT NULL AS answers, state IS NOT NULL AS goes_on, cardinality(heads) AS heads FROM quire.sync_doc(t.id(5500), 'u', 'main', NULL, NULL);
SELECT t.error(s) FROM unnest(ARRAY[$$SELECT * FROM quire.sync_doc(t.id(5500), 'u', 'main', 'x', NULL)$$, $$SELECT * FROM quire.sync_doc(t.id(5500), 'u', 'main', NULL, 'x')$$, $$SELECT * FROM quire.sync_doc(t.id(5500), 'u', 'side', NULL, NULL)$$]) s;
-- members read and editors write; nobody else knows of it
\c - postgres
SELECT quire.set_project_member(t.id(5500), t.actor('bob'), 'viewer');
\c - regress_bob
SELECT quire.read_doc(t.id(5500), 'new'), length(quire.read_doc_bytes(t.id(5500), 'new')) > 50 AS has_bytes, pg_typeof(quire.read_doc_bytes(t.id(5500), 'new'));
SELECT t.error(s) FROM unnest(ARRAY[$$SELECT quire.put_doc(t.id(5500), 'new', '{}')$$, $$SELECT quire.apply_doc_changes(t.id(5500), 'n', ARRAY[t.first_change()])$$, $$SELECT quire.delete_doc(t.id(5500), 'new')$$, $$SELECT * FROM quire.sync_doc(t.id(5500), 'nothing', 'main', NULL, NULL)$$]) s;
\c - regress_carol
SELECT t.error(s) FROM unnest(ARRAY[$$SELECT quire.read_doc(t.id(5500), 'new')$$, $$SELECT quire.put_doc(t.id(5500), 'new', '{}')$$, $$SELECT * FROM quire.list_docs(t.id(5500))$$, $$SELECT * FROM quire.sync_doc(t.id(5500), 'new', 'main', NULL, NULL)$$]) s;
-- the rows follow from the log
\c - regress_alice
SELECT v - 'project_id' AS sound FROM quire.verify_project(t.id(5500)) v;
SELECT r -> 'is_equal' AS is_equal, r -> 'docs' AS docs, r -> 'differences' AS differences, r -> 'impossible' AS impossible FROM quire.replay_project(t.id(5500)) r;
SELECT s -> 'docs' AS docs, (s -> 'doc_bytes')::bigint > 1000 AS has_bytes FROM quire.get_project_stats(t.id(5500)) s;
-- copies have them, with their history
SELECT quire.clone_project(t.id(5500), 'clone') AS clone \gset
SELECT a.doc, a.heads = b.heads AS same_heads, quire.read_doc(t.id(5500), a.doc) = quire.read_doc(:'clone', b.doc) AS same FROM quire.list_docs(t.id(5500)) a FULL JOIN quire.list_docs(:'clone') b USING (doc) ORDER BY 1;
SELECT quire.import_project(quire.export_project(t.id(5500)), 'imported') AS imported \gset
SELECT count(*) = count(*) FILTER (WHERE a.heads = b.heads AND quire.read_doc(t.id(5500), a.doc) = quire.read_doc(:'imported', b.doc)) AS same FROM quire.list_docs(t.id(5500)) a FULL JOIN quire.list_docs(:'imported') b USING (doc);
SELECT v -> 'findings' AS findings FROM quire.verify_project(:'imported') v;
-- what is in the way of one document keeps no other from coming back
SELECT quire.put_doc(t.id(5500), doc, '{"n": 1}') ->> 'applied' AS put FROM unnest(ARRAY['pair-1', 'pair-2']) AS d (doc);
SELECT quire.commit_bundle(t.id(5500), '[{"op": "doc.delete", "doc": "pair-1"}, {"op": "doc.delete", "doc": "pair-2"}]') ->> 'seq' AS both \gset
SELECT quire.put_doc(t.id(5500), 'pair-1', '{"n": 2}') IS NOT NULL AS put, quire.delete_doc(t.id(5500), 'pair-1') IS NOT NULL AS deleted;
SELECT jsonb_array_length(quire.revert_bundle(t.id(5500), :both, 'skip') -> 'skipped') AS skipped;
SELECT t.error($$SELECT quire.read_doc(t.id(5500), 'pair-1')$$) AS pair_1, quire.read_doc(t.id(5500), 'pair-2') AS pair_2;
-- a document that was saved elsewhere comes with its history, and goes out again
SELECT quire.automerge_apply(d, quire.automerge_changes(quire.automerge_merge(d, quire.automerge_from_json('{"b": 2}')))) AS saved FROM quire.automerge_from_json('{"a": 1}') d \gset
SELECT r -> 'applied' AS applied, r -> 'heads' = to_jsonb(quire.automerge_heads(:'saved'::bytea)) AS same FROM quire.import_doc(t.id(5500), 'saved', :'saved'::bytea, message => 'from a file') r;
SELECT r -> 'applied' AS applied, r ->> 'bundle_id' AS bundle FROM quire.import_doc(t.id(5500), 'saved', :'saved'::bytea) r;
SELECT quire.read_doc(t.id(5500), 'saved'), quire.automerge_heads(quire.export_doc(t.id(5500), 'saved')) = quire.automerge_heads(:'saved'::bytea) AS same;
SELECT quire.import_doc(t.id(5500), 'saved', quire.automerge_from_json('{"a": 3}')) -> 'applied' AS applied, quire.read_doc(t.id(5500), 'saved') ? 'b' AS keeps;
SELECT t.error(s) FROM unnest(ARRAY[$$SELECT quire.import_doc(t.id(5500), 'saved', 'x')$$, $$SELECT quire.import_doc(t.id(5500), 'saved', '')$$, $$SELECT quire.import_doc(t.id(5500), 'saved', NULL)$$, $$SELECT quire.import_doc(t.id(5500), 'saved', quire.automerge_from_json('{}'), base_heads => '{}')$$, $$SELECT quire.import_doc(t.id(5500), 'saved', quire.automerge_from_json('{}'), 'nowhere')$$, $$SELECT quire.export_doc(t.id(5500), 'none')$$, $$SELECT quire.export_doc(t.id(5500), NULL)$$]) s;
SELECT quire.delete_project(:'clone', 'clone') IS NOT NULL AS deleted;
SELECT quire.delete_project(:'imported', 'imported') IS NOT NULL AS deleted;
SELECT quire.delete_project(t.id(5500), 'documents') IS NOT NULL AS deleted;
\c - postgres
SELECT (SELECT count(*) FROM quire_store.doc_op WHERE project_id = t.id(5500)) AS ops, (SELECT count(*) FROM quire_store.doc_change WHERE project_id = t.id(5500)) AS changes, (SELECT count(*) FROM quire_store.doc_head WHERE project_id = t.id(5500)) AS heads;
