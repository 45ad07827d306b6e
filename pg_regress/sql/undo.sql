-- undo, redo, revert_bundle, list_undoable; search_ops and get_bundle.
\c - regress_alice
SELECT quire.create_project('undo', t.id(3000)) IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(3000), t.actor('bob'), 'editor') ->> 'role' AS role;
SELECT t.error($$SELECT quire.undo(t.id(3000))$$);
SELECT t.error($$SELECT quire.redo(t.id(3000))$$);
CREATE FUNCTION pg_temp.state() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', (SELECT string_agg(file_path || '=' || content, ', ' ORDER BY file_path) FROM quire.list_current_files(t.id(3000))),
        (SELECT string_agg(entity_id || fields::text, ', ' ORDER BY entity_id) FROM quire.list_entities(t.id(3000), 'task')))
$$;
SELECT quire.commit_bundle(t.id(3000), '[
    {"op": "file.put", "file_path": "a", "content": "1"},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "one"}]') ->> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(3000), '[
    {"op": "file.put", "file_path": "a", "content": "2", "mode": "100755"},
    {"op": "file.put", "file_path": "b", "content": "b"},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "two"},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "done", "value": true}]', message => 'more') ->> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(3000), '[
    {"op": "file.move", "from_path": "b", "to_path": "c"},
    {"op": "file.delete", "file_path": "a"},
    {"op": "entity.delete", "entity_type": "task", "entity_id": "1"}]') ->> 'seq' AS seq;
SELECT pg_temp.state();
-- back to nothing, and again to the end
SELECT r ->> 'seq' AS seq, r ->> 'undoes_seq' AS undoes, r -> 'skipped' AS skipped FROM quire.undo(t.id(3000)) r;
SELECT pg_temp.state();
SELECT mode FROM quire.read_project_file(t.id(3000), 'a');
SELECT quire.undo(t.id(3000)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.state();
SELECT seq, kind, message, op_count, state, undone_by, next FROM quire.list_undoable(t.id(3000));
SELECT quire.undo(t.id(3000)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.state();
SELECT t.error($$SELECT quire.undo(t.id(3000))$$);
SELECT quire.redo(t.id(3000)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.state();
SELECT quire.redo(t.id(3000)) ->> 'undoes_seq' AS undoes, pg_temp.state();
SELECT quire.redo(t.id(3000)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.state();
SELECT t.error($$SELECT quire.redo(t.id(3000))$$);
-- a new edit after an undo: nothing to redo, but the undone bundle can be brought back by its undo
SELECT quire.undo(t.id(3000)) ->> 'seq' AS undo_seq \gset
SELECT version FROM quire.upsert_project_file(t.id(3000), 'new', 'n');
SELECT t.error($$SELECT quire.redo(t.id(3000))$$);
SELECT seq, state, undone_by = :undo_seq AS by_the_undo, next FROM quire.list_undoable(t.id(3000));
SELECT quire.revert_bundle(t.id(3000), :undo_seq) ->> 'undoes_seq' = :'undo_seq' AS reverted;
SELECT pg_temp.state();
SELECT seq, kind, state, next FROM quire.list_undoable(t.id(3000), 3);
SELECT seq, state, next FROM quire.list_undoable(t.id(3000), 1, (SELECT seq FROM quire.list_undoable(t.id(3000), 1)));
SELECT count(*) FROM quire.list_undoable(t.id(3000), before_seq => 1);
-- a revert is an edit of its author and can be undone
SELECT quire.undo(t.id(3000)) ->> 'seq' AS seq;
SELECT pg_temp.state();
-- a request sent twice is undone once
SELECT quire.undo(t.id(3000), correlation_id => t.id(1)) ->> 'undoes_seq' AS undoes;
SELECT quire.undo(t.id(3000), correlation_id => t.id(1)) ->> 'undoes_seq' AS undoes;
SELECT t.error($$SELECT quire.redo(t.id(3000), correlation_id => t.id(1))$$);
SELECT pg_temp.state();

-- bob changes what alice wrote; his undo does not touch her bundles
\c - regress_bob
SELECT t.error($$SELECT quire.undo(t.id(3000))$$);
SELECT quire.commit_bundle(t.id(3000), '[
    {"op": "file.put", "file_path": "a", "content": "by bob"},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "by bob"}]') ->> 'seq' AS seq;
SELECT count(*) FROM quire.list_undoable(t.id(3000));
\c - regress_alice
SELECT t.error($$SELECT quire.undo(t.id(3000))$$);
DO $$
DECLARE
    detail text;
    told   jsonb;
BEGIN
    PERFORM quire.undo(t.id(3000));
EXCEPTION WHEN SQLSTATE 'PT409' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    FOR told IN SELECT c FROM jsonb_array_elements(detail::jsonb -> 'conflicts') c LOOP
        RAISE NOTICE '%', told - 'bundle_id';
    END LOOP;
END
$$;
-- skip leaves what bob changed, and says so
SELECT r ->> 'undoes_seq' AS undoes, s ->> 'description' AS skipped FROM quire.undo(t.id(3000), 'skip') r, jsonb_array_elements(r -> 'skipped') s;
SELECT string_agg(file_path || '=' || content, ', ') FROM quire.list_current_files(t.id(3000));
SELECT quire.get_entity(t.id(3000), 'task', '1') -> 'fields' AS fields;
-- the walk goes on: the next bundle is all bob's by now, and is undone without an operation
SELECT r ->> 'undoes_seq' AS undoes, r -> 'ops' AS ops, jsonb_array_length(r -> 'skipped') AS skipped, r ->> 'bundle_id' IS NOT NULL AS has_bundle
FROM quire.undo(t.id(3000), 'skip') r;
SELECT t.error($$SELECT quire.undo(t.id(3000), 'skip')$$);
-- record writes fields all the same and keeps the conflict; files it refuses
SELECT quire.commit_bundle(t.id(3000), '[{"op": "field.set", "entity_type": "task", "entity_id": "2", "field": "title", "value": "mine"}]') ->> 'seq' IS NOT NULL AS written;
\c - regress_bob
SELECT quire.commit_bundle(t.id(3000), '[{"op": "field.set", "entity_type": "task", "entity_id": "2", "field": "title", "value": "bob''s"}]') ->> 'seq' IS NOT NULL AS written;
\c - regress_alice
SELECT quire.undo(t.id(3000), 'record') -> 'ops' AS ops;
SELECT field, shown, jsonb_array_length("values") AS "values" FROM quire.list_conflicts(t.id(3000));
-- anybody's bundle can be reverted, once it is not in the way
SELECT max(seq) AS bobs FROM quire.bundles WHERE project_id = t.id(3000) AND actor = t.actor('bob') AND op_count = 2 \gset
SELECT r ->> 'seq' IS NOT NULL AS reverted, jsonb_array_length(r -> 'ops') AS ops FROM quire.revert_bundle(t.id(3000), :bobs) r;
SELECT kind, undoes_seq = :bobs AS undoes_bobs FROM quire.bundles WHERE project_id = t.id(3000) ORDER BY seq DESC LIMIT 1;
\c - regress_bob
SELECT state FROM quire.list_undoable(t.id(3000));

-- assets: put, said something else of, deleted; undone and redone
\c - regress_alice
SELECT quire.create_project('undo 3', t.id(3002)) IS NOT NULL AS created;
SELECT quire.put_asset(t.id(3002), 'a.png', 'png', 'image/png', 'image') ->> 'status' AS status;
SELECT quire.put_asset(t.id(3002), 'b.png', 'png', 'image/png', 'image') ->> 'status' AS status;
SELECT quire.delete_asset(t.id(3002), content_hash, 'not used') ->> 'status' AS status FROM quire.list_assets(t.id(3002));
SELECT count(*) FROM quire.list_assets(t.id(3002));
SELECT quire.undo(t.id(3002)) -> 'ops' -> 0 ->> 'status' AS status;
SELECT filename FROM quire.list_assets(t.id(3002));
SELECT quire.undo(t.id(3002)) -> 'ops' -> 0 ->> 'status' AS status;
SELECT filename FROM quire.list_assets(t.id(3002));
SELECT quire.undo(t.id(3002)) -> 'ops' -> 0 ->> 'status' AS status;
SELECT count(*) FROM quire.list_assets(t.id(3002));
SELECT quire.redo(t.id(3002)) -> 'ops' -> 0 ->> 'status' AS status;
SELECT filename FROM quire.list_assets(t.id(3002));
SELECT quire.set_project_member(t.id(3002), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT quire.put_asset(t.id(3002), 'of-bob.png', 'png', 'image/png', 'image') ->> 'status' AS status;
\c - regress_alice
SELECT t.error($$SELECT quire.undo(t.id(3002), 'record')$$);
SELECT jsonb_array_length(quire.undo(t.id(3002), 'skip') -> 'skipped') AS skipped;
SELECT quire.verify_project(t.id(3002)) -> 'is_sound' AS sound;

-- taken back, given back, and taken back again, by two people
\c - regress_alice
SELECT quire.create_project('undo 4', t.id(3003)) IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(3003), t.actor('bob'), 'editor') ->> 'role' AS role;
SELECT quire.commit_bundle(t.id(3003), t.set_field('a', to_jsonb(n))) ->> 'seq' AS seq FROM generate_series(1, 3) n;
SELECT quire.undo(t.id(3003)) ->> 'undoes_seq' AS undoes;
SELECT quire.undo(t.id(3003)) ->> 'undoes_seq' AS undoes;
SELECT quire.redo(t.id(3003)) ->> 'undoes_seq' AS undoes;
SELECT quire.redo(t.id(3003)) ->> 'undoes_seq' AS undoes;
SELECT quire.undo(t.id(3003)) ->> 'undoes_seq' AS undoes;
\c - regress_bob
SELECT quire.revert_bundle(t.id(3003), 8) ->> 'undoes_seq' AS undoes;
\c - regress_alice
SELECT seq, state, undone_by, next FROM quire.list_undoable(t.id(3003));
SELECT quire.undo(t.id(3003)) ->> 'undoes_seq' AS undoes;
SELECT seq, state, undone_by, next FROM quire.list_undoable(t.id(3003));
SELECT quire.get_entity(t.id(3003), 't', '1') -> 'fields' AS fields;
SELECT seq, undoes_seq, quire.get_bundle(t.id(3003), seq) -> 'undone_by' AS undone_by FROM quire.bundles WHERE project_id = t.id(3003) ORDER BY seq;
-- a walk past more bundles than are looked at at once
SELECT count(quire.commit_bundle(t.id(3003), t.set_field('b', to_jsonb(n)))) FROM generate_series(1, 200) n;
SELECT count(quire.undo(t.id(3003))), min((quire.undo(t.id(3003)) ->> 'undoes_seq')::int) AS last FROM generate_series(1, 100);
SELECT quire.undo(t.id(3003)) ->> 'undoes_seq' AS undoes;
SELECT count(quire.redo(t.id(3003))) FROM generate_series(1, 201);
SELECT quire.get_entity(t.id(3003), 't', '1') -> 'fields' AS fields;

-- what is corrupt is not logged anew as sound
\c - regress_alice
SELECT quire.create_project('undo 5', t.id(3004)) IS NOT NULL AS created;
SELECT quire.commit_bundle(t.id(3004), t.set_field('a', '1') || '[{"op": "file.put", "file_path": "a", "content": "1"}]') ->> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(3004), t.set_field('a', '2')) ->> 'seq' AS seq;
SELECT version FROM quire.upsert_project_file(t.id(3004), 'a', '2');
\c - postgres
CALL t.spoil($$UPDATE quire_store.entity_op SET value = '"corrupt"' WHERE project_id = t.id(3004) AND bundle_seq = 1$$);
CALL t.spoil($$UPDATE quire_store.project_files SET mode = '100755' WHERE project_id = t.id(3004) AND bundle_seq = 1$$);
SELECT quire.verify_project(t.id(3004)) -> 'is_sound' AS sound;
\c - regress_alice
SELECT t.error($$SELECT quire.revert_bundle(t.id(3004), 1)$$);
SELECT t.error($$SELECT quire.revert_bundle(t.id(3004), 2)$$);
SELECT t.error($$SELECT quire.undo(t.id(3004))$$);
\c - postgres
SELECT quire.discard_quarantined(t.id(3004), quarantine_id, 'nobody has it') IS NOT NULL AS rejected FROM quire.list_quarantine(t.id(3004)) WHERE kind = 'file_op';
\c - regress_alice
SELECT quire.undo(t.id(3004)) ->> 'undoes_seq' AS undoes;
SELECT t.error($$SELECT quire.undo(t.id(3004))$$);

-- files that cannot coexist, and what cannot be taken back
\c - regress_alice
SELECT quire.create_project('undo 2', t.id(3001)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(3001), 'd', 'file');
SELECT version FROM quire.delete_project_file(t.id(3001), 'd');
SELECT quire.set_project_member(t.id(3001), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT version FROM quire.upsert_project_file(t.id(3001), 'd/x', 'below');
\c - regress_alice
SELECT t.error($$SELECT quire.undo(t.id(3001))$$);
SELECT quire.create_project_snapshot(t.id(3001)) ->> 'seq' AS seq;
SELECT t.error($$SELECT quire.revert_bundle(t.id(3001), 4)$$);
SELECT t.error($$SELECT quire.revert_bundle(t.id(3001), 99)$$);
SELECT t.error($$SELECT quire.revert_bundle(t.id(3001), NULL)$$);
SELECT t.error($$SELECT quire.revert_bundle(t.id(3001), 1, 'maybe')$$);
SELECT t.error($$SELECT quire.undo(t.id(3001), NULL)$$);
SELECT t.error($$SELECT quire.undo(NULL)$$);
SELECT t.error($$SELECT quire.redo(NULL)$$);
SELECT t.error($$SELECT * FROM quire.list_undoable(t.id(3001), 0)$$);
SELECT t.error($$SELECT * FROM quire.list_undoable(NULL)$$);
SELECT quire.set_project_member(t.id(3001), t.actor('bob'), 'viewer') ->> 'role' AS role;
SELECT quire.archive_project(t.id(3001)) ->> 'status' AS status;
SELECT t.error($$SELECT quire.undo(t.id(3001))$$);
\c - regress_bob
SELECT t.error($$SELECT quire.undo(t.id(3001))$$);
SELECT t.error($$SELECT * FROM quire.list_undoable(t.id(3001))$$);

-- search_ops and get_bundle
\c - regress_alice
SELECT seq, ordinal, op, target, display_name, kind, message FROM quire.search_ops(t.id(3000), '{"message": "more"}');
SELECT seq, op FROM quire.search_ops(t.id(3000), '{"entity_type": "task", "entity_id": "1", "field": "done"}');
SELECT seq, target FROM quire.search_ops(t.id(3000), '{"op": "file.move"}');
SELECT count(*) FROM quire.search_ops(t.id(3000), format('{"actor": "%s", "since": "2020-01-01"}', t.actor('bob'))::jsonb);
SELECT count(*) FROM quire.search_ops(t.id(3000), '{"until": "2020-01-01T00:00:00Z"}');
SELECT count(*) FROM quire.search_ops(t.id(3000), '{"after_seq": 1, "before_seq": 3}');
SELECT count(*) FROM quire.search_ops(t.id(3000), '{"target": "a"}');
SELECT count(*) FROM quire.search_ops(t.id(3000), '{"target_prefix": "task/"}', 3);
-- In pages of any size, also through bundles of many operations, each operation comes once and in order.
SELECT count(*) FROM quire.create_project('pages', t.id(3009));
SELECT count(*) FROM generate_series(1, 7) n CROSS JOIN LATERAL quire.commit_bundle(t.id(3009), (
    SELECT jsonb_agg(jsonb_build_object('op', 'file.put', 'file_path', 'f' || f, 'content', n || ' ' || f))
    FROM generate_series(1, CASE WHEN n % 2 = 0 THEN 150 ELSE 1 END) f));
CREATE FUNCTION pg_temp.paged(size integer) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    filter jsonb := '{}';
    page   record;
    found  integer;
BEGIN
    LOOP
        found := 0;
        FOR page IN SELECT seq, ordinal, target FROM quire.search_ops(t.id(3009), filter, size) LOOP
            RETURN NEXT page.seq || ' ' || page.ordinal || ' ' || page.target;
            filter := jsonb_build_object('before_seq', page.seq, 'before_ordinal', page.ordinal);
            found := found + 1;
        END LOOP;
        EXIT WHEN found = 0;
    END LOOP;
END
$$;
SELECT size, (SELECT count(*) FROM pg_temp.paged(size)) AS ops,
    (SELECT array_agg(p) FROM pg_temp.paged(size) p)
        = (SELECT array_agg(seq || ' ' || ordinal || ' ' || target) FROM quire.search_ops(t.id(3009), '{}', 10000)) AS same
FROM (VALUES (1), (7), (100), (149), (150), (151), (1000)) v (size);
SELECT seq, ordinal FROM quire.search_ops(t.id(3009), '{"target": "f1"}', 3);
SELECT seq, ordinal FROM quire.search_ops(t.id(3009), '{"before_seq": 3}', 2);
SELECT count(*) FROM quire.search_ops(t.id(3009), '{"before_seq": 3, "before_ordinal": 1}');
SELECT count(*) FROM quire.search_ops(t.id(3009), '{"before_seq": 9000000000000000000}');
SELECT count(*) FROM quire.search_ops(t.id(3009), '{"before_seq": -9223372036854775808}');
SELECT count(*) FROM quire.search_ops(t.id(3009), '{"after_seq": -9223372036854775808}');
SELECT t.error($$SELECT * FROM quire.search_ops(t.id(3000), '{"before_ordinal": 1}')$$);
SELECT t.error($$SELECT * FROM quire.search_ops(t.id(3000), '{"actor": "bob"}')$$);
SELECT t.error($$SELECT * FROM quire.search_ops(t.id(3000), '{"since": "soon"}')$$);
SELECT t.error($$SELECT * FROM quire.search_ops(t.id(3000), '{"after_seq": "1"}')$$);
SELECT t.error($$SELECT * FROM quire.search_ops(t.id(3000), '{"what": 1}')$$);
SELECT t.error($$SELECT * FROM quire.search_ops(t.id(3000), '[]')$$);
SELECT t.error($$SELECT * FROM quire.search_ops(t.id(3000), NULL)$$);
SELECT t.error($$SELECT * FROM quire.search_ops(t.id(3000), '{}', 0)$$);
SELECT jsonb_pretty(d - 'bundle_id' - 'checksum' - 'prev_checksum' - 'committed_at' - 'ops') AS details, jsonb_array_length(d -> 'ops') AS ops,
    d -> 'ops' -> 2 -> 'entity' AS entity, d -> 'ops' -> 2 -> 'before' AS before
FROM quire.get_bundle(t.id(3000), 2) d;
SELECT t.error($$SELECT quire.get_bundle(t.id(3000), 99)$$);
SELECT t.error($$SELECT quire.get_bundle(t.id(3000), NULL)$$);

-- the resolution of a conflict, taken back and given back: the conflict is open and resolved with it
SELECT quire.create_project('resolutions', t.id(3090)) IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(3090), t.actor('bob'), 'editor') ->> 'role' AS role;
SELECT quire.commit_bundle(t.id(3090), '[{"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "one"}]') ->> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(3090), '[{"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "alice"}]') ->> 'seq' AS seq;
\c - regress_bob
SELECT quire.commit_bundle(t.id(3090), '[{"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "bob"}]',
    base_seq => 1, on_conflict => 'record') ->> 'seq' AS seq;
CREATE FUNCTION pg_temp.conflicts() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s: %s; opened by %s, resolved by %s', shown, (SELECT string_agg(format('%s wants %s', v ->> 'display_name', v -> 'value'), ', ')
        FROM jsonb_array_elements("values") v), opened_seq, coalesce(resolved_seq::text, 'nobody'))
    FROM quire.list_conflicts(t.id(3090), true) $$;
SELECT pg_temp.conflicts();
SELECT conflict_id AS conflict FROM quire.list_conflicts(t.id(3090)) \gset
SELECT quire.resolve_conflict(t.id(3090), :'conflict', '"both"') ->> 'seq' AS seq, pg_temp.conflicts();
SELECT pg_temp.conflicts();
SELECT quire.undo(t.id(3090)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.conflicts();
SELECT quire.redo(t.id(3090)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.conflicts();
SELECT quire.undo(t.id(3090)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.conflicts();
-- also when it left the value as it was
SELECT quire.resolve_conflict(t.id(3090), :'conflict', '"bob"') ->> 'seq' AS seq;
SELECT quire.undo(t.id(3090)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.conflicts();
SELECT quire.redo(t.id(3090)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.conflicts();
SELECT quire.undo(t.id(3090)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.conflicts();
-- not when somebody has changed the field since
SELECT quire.resolve_conflict(t.id(3090), :'conflict', '"agreed"') ->> 'seq' AS seq;
\c - regress_alice
SELECT quire.commit_bundle(t.id(3090), '[{"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "newer"}]') ->> 'seq' AS seq;
\c - regress_bob
SELECT r ->> 'undoes_seq' AS undoes, r #>> '{skipped,0,description}' AS skipped FROM quire.undo(t.id(3090), 'skip') r;
SELECT shown, resolved_seq FROM quire.list_conflicts(t.id(3090), true);
SELECT event, display_name, value, seq FROM quire.conflict_history(t.id(3090), :'conflict');

-- content that has been collected: refused, or left as it is
\c - regress_alice
SELECT quire.create_project('collected', t.id(3091)) IS NOT NULL AS created;
SELECT quire.put_asset(t.id(3091), 'a.png', 'an asset', 'image/png', 'image') ->> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(3091), '[{"op": "file.put", "file_path": "a", "content": "old"}, {"op": "file.put", "file_path": "b", "content": "kept"}]') ->> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(3091), format('[{"op": "file.put", "file_path": "a", "content": "new"}, {"op": "file.put", "file_path": "c", "content": "kept"},
    {"op": "asset.delete", "content_hash": "%s"}]', content_hash)::jsonb) ->> 'seq' AS seq
FROM quire.list_assets(t.id(3091));
SELECT quire.update_project(t.id(3091), '{"settings": {"retention_days": 0, "asset_retention_days": {"image": 0}}}') IS NOT NULL AS changed;
SELECT quire.gc_run(t.id(3091)) ->> 'collected' AS collected;
SELECT t.error($$SELECT quire.undo(t.id(3091))$$);
SELECT r ->> 'undoes_seq' AS undoes, jsonb_pretty(r -> 'skipped') AS skipped FROM quire.undo(t.id(3091), 'skip') r;
SELECT file_path, content FROM quire.list_current_files(t.id(3091));
SELECT r ->> 'undoes_seq' AS undoes, r #>> '{skipped,0,description}' AS skipped FROM quire.undo(t.id(3091), 'skip') r;
