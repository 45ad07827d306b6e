-- Branches of documents: what they begin with, their own writes, closing and deleting, merging, undo, verification.
\c - regress_alice
SELECT quire.create_project('branches', t.id(5700)) IS NOT NULL AS created;
SELECT quire.put_doc(t.id(5700), 'a', '{"text": "one", "n": 1}') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(5700), 'b', '{"x": true}') ->> 'seq' AS seq;
-- a branch begins with what main is, or was, and copies nothing
SELECT r - '{bundle_id,checksum}'::text[] AS made FROM quire.create_branch(t.id(5700), 'draft') r;
SELECT quire.create_branch(t.id(5700), 'early', at_seq => 1, message => 'before b') ->> 'seq' AS seq;
SELECT doc, change_count, seq, display_name FROM quire.list_docs(t.id(5700), 'draft');
SELECT doc FROM quire.list_docs(t.id(5700), 'early');
SELECT quire.read_doc(t.id(5700), 'a', 'draft'), t.error($$SELECT quire.read_doc(t.id(5700), 'b', 'early')$$);
-- what is written on one is not on the other
SELECT quire.put_doc(t.id(5700), 'a', '{"text": "one on main", "n": 1}') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(5700), 'a', '{"text": "one", "n": 2}', 'draft') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(5700), 'c', '{"new": 1}', 'draft') ->> 'seq' AS seq;
SELECT branch, quire.read_doc(t.id(5700), 'a', branch) FROM unnest('{main,draft,early}'::text[]) branch;
SELECT l.branch, d.doc, d.change_count, d.seq FROM unnest('{main,draft,early}'::text[]) l(branch), quire.list_docs(t.id(5700), l.branch) d;
SELECT doc FROM quire.list_docs(t.id(5700), 'draft', after_doc => 'a', max_docs => 1);
SELECT doc FROM quire.list_docs(t.id(5700), 'draft', prefix => 'c');
-- the past of a branch is that of its parent up to where it begins
SELECT s.seq, (SELECT quire.read_doc(t.id(5700), 'a', 'draft', s.seq)) AS draft, (SELECT quire.read_doc(t.id(5700), 'a', at_seq => s.seq)) AS main FROM generate_series(1, 7) s(seq);
SELECT seq, op, change_count FROM quire.doc_history(t.id(5700), 'a', 'draft');
SELECT seq FROM quire.doc_history(t.id(5700), 'a', 'draft', max_ops => 1);
SELECT e -> 'seq' AS seq, e -> 'value' AS value FROM unnest('{/text,/n}'::text[]) p, quire.explain_doc(t.id(5700), 'a', p, 'draft') e;
SELECT quire.diff_doc(t.id(5700), 'a', h.heads, branch => 'draft') FROM quire.doc_history(t.id(5700), 'a', 'draft', before_seq => 2) h;
-- a branch of a branch
SELECT quire.create_branch(t.id(5700), 'deep', 'draft', 6) ->> 'seq' AS seq;
SELECT doc FROM quire.list_docs(t.id(5700), 'deep');
SELECT quire.splice_doc_text(t.id(5700), 'a', '/text', 3, 0, '!', 'deep') ->> 'seq' AS seq;
SELECT quire.edit_doc(t.id(5700), 'b', '[{"op": "replace", "path": "/x", "value": false}]', 'deep') ->> 'seq' AS seq;
SELECT quire.read_doc(t.id(5700), 'a', 'deep'), quire.read_doc(t.id(5700), 'b', 'deep'), quire.read_doc(t.id(5700), 'b', 'draft');
SELECT quire.get_branch(t.id(5700), 'deep') - '{created_by,created_at}'::text[];
SELECT quire.get_branch(t.id(5700), 'main');
SELECT branch, status, from_branch, at_seq, head_seq, merged_into, created_seq, created_by = t.actor('alice') AS by_alice FROM quire.list_branches(t.id(5700));
SELECT branch FROM quire.list_branches(t.id(5700), 'draft', 1);
-- what is different, and merging
SELECT doc, status, cardinality(source_heads) AS source, cardinality(target_heads) AS target, source_changes, target_changes FROM quire.diff_branches(t.id(5700), 'draft');
SELECT doc, status FROM quire.diff_branches(t.id(5700), 'main', 'draft');
SELECT doc, status FROM quire.diff_branches(t.id(5700), 'deep', 'draft', max_docs => 1);
SELECT doc, status FROM quire.diff_branches(t.id(5700), 'deep', 'draft', after_doc => 'a');
SELECT r -> 'seq' AS seq, d - 'heads' AS doc FROM quire.merge_branch(t.id(5700), 'draft', dry_run => true) r, jsonb_array_elements(r -> 'docs') d;
SELECT quire.read_doc(t.id(5700), 'a') AS untouched;
SELECT r -> 'seq' AS seq, d - 'heads' AS doc, jsonb_array_length(d -> 'heads') AS heads FROM quire.merge_branch(t.id(5700), 'draft', message => 'the draft') r, jsonb_array_elements(r -> 'docs') d;
SELECT doc, quire.read_doc(t.id(5700), doc) FROM quire.list_docs(t.id(5700));
SELECT r -> 'bundle_id' AS bundle, r -> 'docs' AS docs FROM quire.merge_branch(t.id(5700), 'draft') r;
SELECT doc, status, source_changes, target_changes FROM quire.diff_branches(t.id(5700), 'draft');
-- several values of one place are told
SELECT quire.put_doc(t.id(5700), 'a', '{"text": "one", "n": 5}', 'early') ->> 'seq' AS seq;
SELECT r -> 'seq' AS seq, d -> 'applied' AS applied, jsonb_path_query_array(d, '$.conflicts[*].path') AS paths, (SELECT array_agg(v ORDER BY v) FROM jsonb_path_query(d, '$.conflicts[*].values[*].value') v) AS values FROM quire.merge_branch(t.id(5700), 'early') r, jsonb_array_elements(r -> 'docs') d;
-- several sources at once, closed with it; the same request again
SELECT quire.create_branch(t.id(5700), 'x1') ->> 'seq' AS seq, quire.create_branch(t.id(5700), 'x2') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(5700), 'x', '{"v": 1}', 'x1') ->> 'seq' AS seq, quire.put_doc(t.id(5700), 'y', '{"v": 2}', 'x2') ->> 'seq' AS seq, quire.put_doc(t.id(5700), 'x', '{"w": 2}', 'x2') ->> 'seq' AS seq;
SELECT r -> 'seq' AS seq, jsonb_path_query_array(r, '$.docs[*].doc') AS docs, jsonb_path_query_array(r, '$.docs[*].applied') AS applied FROM generate_series(1, 2), quire.merge_branch(t.id(5700), 'x1', more_sources => '{x2}', close_sources => true, correlation_id => t.id(7)) r;
SELECT quire.read_doc(t.id(5700), 'x') - '{v,w}'::text[] AS rest, quire.read_doc(t.id(5700), 'y');
SELECT branch, status, merged_into FROM quire.list_branches(t.id(5700)) WHERE branch LIKE 'x%';
-- deletion travels, if nobody has written meanwhile
SELECT quire.create_branch(t.id(5700), 'gone') ->> 'seq' AS seq;
SELECT quire.delete_doc(t.id(5700), 'y', 'gone') ->> 'seq' AS seq, quire.delete_doc(t.id(5700), 'c', 'gone') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(5700), 'c', '{"new": 2}') ->> 'seq' AS seq;
SELECT doc, status FROM quire.diff_branches(t.id(5700), 'gone');
SELECT d - 'heads' AS doc FROM quire.merge_branch(t.id(5700), 'gone') r, jsonb_array_elements(r -> 'docs') d;
SELECT doc FROM quire.list_docs(t.id(5700));
SELECT count(*) FROM quire.list_docs(t.id(5700), 'gone') WHERE doc IN ('y', 'c');
-- closed: read, not written; opened by undo
SELECT quire.close_branch(t.id(5700), 'draft', 'main') ->> 'seq' AS seq;
SELECT quire.close_branch(t.id(5700), 'draft', 'main') ->> 'bundle_id' AS bundle, t.error($$SELECT quire.close_branch(t.id(5700), 'draft')$$);
SELECT t.error(format($$SELECT quire.%s$$, c)) FROM unnest(ARRAY['put_doc(t.id(5700), ''a'', ''{}'', ''draft'')', 'apply_doc_changes(t.id(5700), ''new'', ARRAY[t.first_change()], ''draft'')', 'delete_doc(t.id(5700), ''a'', ''draft'')', 'merge_branch(t.id(5700), ''main'', ''draft'')']) c;
SELECT quire.read_doc(t.id(5700), 'a', 'draft'), quire.create_branch(t.id(5700), 'again', 'draft') ->> 'seq' AS seq;
SELECT r -> 'results' -> 0 ->> 'reason' AS reason FROM unnest('{draft,nowhere}'::text[]) b, quire.submit_tx(t.id(5700), jsonb_build_object('writes', jsonb_build_array(jsonb_build_object('doc', 'n', 'branch', b, 'changes', jsonb_build_array(encode(t.first_change(), 'base64')))))) r;
SELECT quire.undo(t.id(5700)) ->> 'seq' AS seq;
SELECT t.error($$SELECT quire.read_doc(t.id(5700), 'a', 'again')$$), t.error($$SELECT quire.create_branch(t.id(5700), 'again')$$);
SELECT quire.undo(t.id(5700)) ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(5700), 'a', '{"text": "open", "n": 2}', 'draft') ->> 'seq' AS seq;
SELECT quire.undo(t.id(5700)) ->> 'seq' AS seq, quire.read_doc(t.id(5700), 'a', 'draft');
-- deleted: found by its seqs only, and nobody else can have the name
SELECT quire.delete_branch(t.id(5700), 'draft', 'done') ->> 'seq' AS seq;
SELECT t.error(format($$SELECT * FROM quire.%s$$, c)) FROM unnest(ARRAY['read_doc(t.id(5700), ''a'', ''draft'')', 'list_docs(t.id(5700), ''draft'')', 'get_branch(t.id(5700), ''draft'')', 'put_doc(t.id(5700), ''a'', ''{}'', ''draft'')', 'create_branch(t.id(5700), ''draft'')', 'create_branch(t.id(5700), ''other'', ''draft'')', 'delete_branch(t.id(5700), ''draft'')', 'merge_branch(t.id(5700), ''draft'')']) c;
SELECT quire.read_doc(t.id(5700), 'a', 'draft', at_seq => 7), quire.read_doc(t.id(5700), 'a', 'deep');
SELECT branch FROM quire.list_branches(t.id(5700));
-- a client that has merged two branches says so
SELECT r -> 'results' -> 0 ->> 'status' AS status, r -> 'results' -> 0 -> 'applied' AS applied FROM quire.list_docs(t.id(5700), 'deep', prefix => 'b') d, quire.submit_tx(t.id(5700), jsonb_build_object('writes', jsonb_build_array(jsonb_build_object('doc', 'b', 'base_heads', jsonb_build_array(), 'changes', jsonb_build_array(encode(t.first_change(), 'base64')), 'merge_of', jsonb_build_array(jsonb_build_object('branch', 'deep', 'heads', d.heads)))))) r;
SELECT quire.read_doc(t.id(5700), 'b');
SELECT r -> 'results' -> 0 ->> 'reason' AS reason, r -> 'results' -> 0 ->> 'message' AS message FROM unnest('{deep,nowhere}'::text[]) b, quire.submit_tx(t.id(5700), jsonb_build_object('writes', jsonb_build_array(jsonb_build_object('doc', 'b', 'changes', jsonb_build_array(encode(t.first_change(), 'base64')), 'merge_of', jsonb_build_array(jsonb_build_object('branch', b, 'heads', jsonb_build_array(repeat('0', 64)))))))) r;
-- what is refused
SELECT t.error(format($$SELECT * FROM quire.%s$$, c)) FROM unnest(ARRAY['create_branch(t.id(5700), ''main'')', 'create_branch(t.id(5700), '''')', 'create_branch(t.id(5700), ''n'', ''nowhere'')', 'create_branch(t.id(5700), ''n'', at_seq => 1000)', 'create_branch(t.id(5700), ''n'', at_seq => -1)', 'close_branch(t.id(5700), ''main'')', 'close_branch(t.id(5700), ''deep'', ''deep'')', 'close_branch(t.id(5700), ''deep'', ''nowhere'')', 'close_branch(t.id(5700), ''nowhere'')', 'delete_branch(t.id(5700), ''main'')', 'merge_branch(t.id(5700), ''main'')', 'merge_branch(t.id(5700), ''deep'', more_sources => ''{deep}'')', 'merge_branch(t.id(5700), ''deep'', ''nowhere'')', 'diff_branches(t.id(5700), ''nowhere'')', 'list_branches(t.id(5700), max_branches => 0)']) c;
SELECT quire.update_project(t.id(5700), '{"settings": {"server_merge": false}}') IS NOT NULL AS updated;
SELECT t.error($$SELECT quire.merge_branch(t.id(5700), 'deep')$$), jsonb_array_length(quire.merge_branch(t.id(5700), 'deep', dry_run => true) -> 'docs') > 0 AS previewed;
-- as operations of a bundle, in the log and in events
SELECT r -> 'ops' AS ops FROM quire.commit_bundle(t.id(5700), '[{"op": "branch.create", "branch": "job"}, {"op": "branch.update", "branch": "deep", "status": "closed"}]') r;
SELECT seq, op, target, before, after FROM quire.oplog WHERE project_id = t.id(5700) AND op LIKE 'branch.%' ORDER BY seq DESC, ordinal LIMIT 4;
SELECT event, payload -> 'branches' AS branches FROM quire.poll_events(t.id(5700)) WHERE seq IN (3, 4);
SELECT DISTINCT event FROM quire.poll_events(t.id(5700)) WHERE payload ? 'branches';
-- a branch that begins with less of main than the branch that it begins with
SELECT quire.update_project(t.id(5700), '{"settings": {"server_merge": true}}') IS NOT NULL AS updated;
SELECT quire.create_branch(t.id(5700), 'old', 'job', 1) ->> 'seq' AS seq;
SELECT doc, status FROM quire.diff_branches(t.id(5700), 'job', 'old'), (SELECT quire.list_docs(t.id(5700), 'old')) o;
SELECT doc, status FROM quire.diff_branches(t.id(5700), 'old', 'job');
SELECT jsonb_path_query_array(quire.merge_branch(t.id(5700), 'job', 'old'), '$.docs[*].doc') AS docs, (SELECT array_agg(doc) FROM quire.list_docs(t.id(5700), 'job')) AS job, (SELECT array_agg(doc) FROM quire.list_docs(t.id(5700), 'old')) AS old;
-- what a branch was merged into may be gone: the log is still one, and undo gives it back
SELECT quire.create_branch(t.id(5700), 'into') ->> 'seq' AS seq, quire.create_branch(t.id(5700), 'done') ->> 'seq' AS seq;
SELECT quire.close_branch(t.id(5700), 'done', 'into') ->> 'seq' AS seq, quire.delete_branch(t.id(5700), 'into') ->> 'seq' AS seq, quire.delete_branch(t.id(5700), 'done') ->> 'seq' AS seq;
SELECT t.error($$SELECT quire.close_branch(t.id(5700), 'done')$$), t.error($$SELECT quire.delete_branch(t.id(5700), 'done')$$), t.error($$SELECT quire.commit_bundle(t.id(5700), '[{"op": "branch.update", "branch": "done", "status": "open"}]')$$);
SELECT quire.undo(t.id(5700)) ->> 'seq' AS seq, quire.get_branch(t.id(5700), 'done') ->> 'merged_into' AS merged_into;
SELECT quire.import_project(quire.export_project(t.id(5700)), 'copy') AS copy \gset
SELECT (SELECT jsonb_agg(to_jsonb(b) - '{created_by,created_at,checksum}'::text[]) FROM quire.list_branches(t.id(5700)) b) = (SELECT jsonb_agg(to_jsonb(b) - '{created_by,created_at,checksum}'::text[]) FROM quire.list_branches(:'copy') b) AS same;
SELECT quire.verify_project(:'copy') -> 'findings' AS findings, quire.replay_project(:'copy') -> 'is_equal' AS is_equal;
-- the same request again, when its branch is gone
SELECT quire.create_branch(t.id(5700), 'twin') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(5700), 'r', '{"a": 1}', 'twin', correlation_id => t.id(8)) ->> 'seq' AS seq, quire.delete_branch(t.id(5700), 'twin') ->> 'seq' AS seq;
SELECT quire.put_doc(t.id(5700), 'r', '{"a": 1}', 'twin', correlation_id => t.id(8)) ->> 'seq' AS seq, t.error($$SELECT quire.put_doc(t.id(5700), 'r', '{"a": 2}', 'twin')$$);
-- what somebody else wrote on a branch is in the way of who takes its making back
SELECT quire.set_project_member(t.id(5700), t.actor('carol'), 'editor') IS NOT NULL AS added, quire.create_branch(t.id(5700), 'shared') ->> 'seq' AS shared \gset
\c - regress_carol
SELECT quire.put_doc(t.id(5700), 'hers', '{"a": 1}', 'shared') ->> 'seq' AS seq;
\c - regress_alice
SELECT t.error(format('SELECT quire.revert_bundle(t.id(5700), %s)', seq)) FROM quire.get_branch(t.id(5700), 'shared') b, LATERAL (SELECT b -> 'created_seq' AS seq) s;
-- who may
\c - regress_bob
SELECT t.error(format($$SELECT * FROM quire.%s$$, c)) FROM unnest(ARRAY['create_branch(t.id(5700), ''n'')', 'list_branches(t.id(5700))', 'get_branch(t.id(5700), ''main'')', 'merge_branch(t.id(5700), ''job'')', 'diff_branches(t.id(5700), ''job'')']) c;
\c - regress_alice
SELECT quire.set_project_member(t.id(5700), t.actor('bob'), 'viewer') IS NOT NULL AS added;
\c - regress_bob
SELECT t.error(format($$SELECT * FROM quire.%s$$, c)) FROM unnest(ARRAY['create_branch(t.id(5700), ''n'')', 'close_branch(t.id(5700), ''job'')', 'delete_branch(t.id(5700), ''job'')', 'merge_branch(t.id(5700), ''job'')']) c;
SELECT branch FROM quire.list_branches(t.id(5700));
-- the log alone makes the same
\c - regress_alice
SELECT r -> 'is_equal' AS is_equal, r -> 'branches' AS branches, r -> 'impossible' AS impossible FROM quire.replay_project(t.id(5700)) r;
SELECT s.seq FROM generate_series(0, (SELECT seq::integer FROM quire.bundles WHERE project_id = t.id(5700) ORDER BY seq DESC LIMIT 1)) s(seq), quire.replay_project(t.id(5700), s.seq) r WHERE NOT (r ->> 'is_equal')::boolean;
SELECT r -> 'is_sound' AS is_sound, r -> 'findings' AS findings FROM quire.verify_project(t.id(5700)) r;
