-- Entities: fields by commit_bundle, readers, conflicts, resolutions.
SELECT quire.create_project('entities', t.id(2500)) IS NOT NULL AS created;
SELECT r ->> 'seq' AS seq, r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2500), '[
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "Write"},
    {"op": "file.put", "file_path": "a", "content": "x"},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "done", "value": false},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "note", "value": null},
    {"op": "field.set", "entity_type": "task", "entity_id": "2", "field": "title", "value": {"b": 1.0, "a": [1e3]}},
    {"op": "field.set", "entity_type": "user", "entity_id": "1", "field": "title", "value": "another 1"}]') r;
SELECT quire.get_entity(t.id(2500), 'task', '1') - 'checksum' AS entity;
SELECT * FROM (SELECT entity_id, fields, seq FROM quire.list_entities(t.id(2500), 'task')) e;
SELECT entity_id FROM quire.list_entities(t.id(2500), 'task', '{"done": false}');
SELECT entity_id FROM quire.list_entities(t.id(2500), 'task', '{"title": {"b": 1}}');
SELECT count(*) FROM quire.list_entities(t.id(2500), 'nothing');
-- equal values, and clearing what is not there, change nothing
SELECT r ->> 'bundle_id' AS bundle, r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2500), '[
    {"op": "field.set", "entity_type": "task", "entity_id": "2", "field": "title", "value": {"a": [1000], "b": 1}},
    {"op": "field.unset", "entity_type": "task", "entity_id": "2", "field": "absent"}]') r;
-- a clear is a tombstone; an entity is there while it has a field
SELECT r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2500), '[{"op": "field.unset", "entity_type": "task", "entity_id": "1", "field": "note"}]') r;
SELECT r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2500), '[{"op": "entity.delete", "entity_type": "task", "entity_id": "1"}]', message => 'done with it') r;
SELECT t.error($$SELECT quire.get_entity(t.id(2500), 'task', '1')$$);
SELECT entity_id FROM quire.list_entities(t.id(2500), 'task');
SELECT seq, op, field, value, is_unset, kind, message FROM quire.entity_history(t.id(2500), 'task', '1');
SELECT seq, field FROM quire.entity_history(t.id(2500), 'task', '1', 3, 2);
-- pages have whole bundles, so that none is missing between two
WITH RECURSIVE page (seq, changes) AS (
    SELECT min(seq), count(*) FROM quire.entity_history(t.id(2500), 'task', '1', max_changes => 1)
    UNION ALL SELECT h.* FROM page p, LATERAL (SELECT min(seq), count(*) FROM quire.entity_history(t.id(2500), 'task', '1', p.seq, 1)) h WHERE p.seq IS NOT NULL)
SELECT count(*) > 2 AS several, sum(changes) = (SELECT count(*) FROM quire.entity_history(t.id(2500), 'task', '1')) AS all_of_it FROM page;
SELECT entity_type, entity_id, fields, seq FROM quire.list_entities_at(t.id(2500), 1);
SELECT entity_type, entity_id, fields, seq FROM quire.list_entities_at(t.id(2500), 2) WHERE entity_id = '1' AND entity_type = 'task';
SELECT entity_type, entity_id, fields, seq FROM quire.list_entities_at(t.id(2500), 3);
SELECT count(*) FROM quire.list_entities_at(t.id(2500), 0);
SELECT field, value, is_unset, seq, kind, message, conflict_id FROM quire.explain_entity(t.id(2500), 'task', '1');
SELECT seq, ordinal, op, target, before, after, length(checksum) AS checksum FROM quire.oplog WHERE project_id = t.id(2500) ORDER BY seq, ordinal;
SELECT seq, event, payload - 'timestamp' - 'sender' AS payload FROM quire.poll_events(t.id(2500), 0, 10, true);
SELECT seq, event FROM quire.poll_events(t.id(2500), 0, 10, false);
-- a subscription to paths hears of files only
SELECT quire.create_subscription(t.id(2500), 'files', '{"paths": ["**"]}');
SELECT seq, event, payload -> 'files' -> 0 ->> 'file_path' AS path, payload ? 'entities' AS has_entities FROM quire.poll_subscription(t.id(2500), 'files');
SELECT quire.create_subscription(t.id(2500), 'entities', '{"events": ["entity:update"]}');
SELECT seq, event FROM quire.poll_subscription(t.id(2500), 'entities');
-- the checksum of an operation is BLAKE3 of its canonical form, which the log shows
SELECT op, checksum FROM quire.oplog WHERE project_id = t.id(2500) AND seq = 1 AND target = 'task/2/title';

-- refused, and then nothing is written
SELECT t.rows(t.id(2500)) AS before;
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "field.set", "entity_type": "", "entity_id": "1", "field": "f", "value": 1}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "field.set", "entity_type": "t", "entity_id": 1, "field": "f", "value": 1}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f\u0001", "value": 1}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), jsonb_build_array(jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', repeat('x', 256), 'field', 'f', 'value', 1)))$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), jsonb_build_array(jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', 'x', 'field', 'f', 'value', repeat('x', 1048576))))$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 9007199254740993}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1, "base_seq": 99}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1, "base_seq": -1}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "field.unset", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "entity.delete", "entity_type": "t", "entity_id": "1"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 1}, {"op": "file.delete", "file_path": "nope"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "entity.delete", "entity_type": "t", "entity_id": "1"}]', on_conflict => 'ignore')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2500), '[{"op": "entity.delete", "entity_type": "t", "entity_id": "1"}]', on_conflict => NULL)$$);
SELECT t.error($$SELECT quire.get_entity(t.id(2500), NULL, '1')$$);
SELECT t.error($$SELECT quire.get_entity(t.id(2500), 'task', NULL)$$);
SELECT t.error($$SELECT quire.get_entity(NULL, 'task', '1')$$);
SELECT t.error($$SELECT * FROM quire.list_entities(t.id(2500), NULL)$$);
SELECT t.error($$SELECT * FROM quire.list_entities(t.id(2500), 'task', '[]')$$);
SELECT t.error($$SELECT * FROM quire.list_entities(t.id(2500), 'task', NULL)$$);
SELECT t.error($$SELECT * FROM quire.entity_history(t.id(2500), 'task', '1', max_changes => 0)$$);
SELECT t.error($$SELECT * FROM quire.entity_history(t.id(2500), 'task', NULL)$$);
SELECT t.error($$SELECT * FROM quire.list_entities_at(t.id(2500), 99)$$);
SELECT t.error($$SELECT * FROM quire.list_entities_at(t.id(2500), NULL)$$);
SELECT t.error($$SELECT * FROM quire.explain_entity(t.id(2500), NULL, '1')$$);
SELECT t.rows(t.id(2500)) AS after;

-- Conflicts. Bob saw bundle 1; alice has written since.
\c - regress_alice
SELECT quire.create_project('conflicts', t.id(2501)) IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(2501), t.actor('bob'), 'editor') ->> 'role' AS role;
SELECT quire.set_project_member(t.id(2501), t.actor('carol'), 'editor') ->> 'role' AS role;
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2501), '[
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "old"},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "done", "value": false}]') r;
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2501), '[
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "by alice"},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "rank", "value": 1}]') r;
\c - regress_bob
-- another field, an equal value and what bob has seen never conflict
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2501), '[
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "done", "value": true},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "rank", "value": 1}]', base_seq => 1) r;
SELECT t.error($$SELECT quire.commit_bundle(t.id(2501), '[
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "by bob"}]', base_seq => 1)$$);
DO $$
DECLARE
    detail text;
    told   jsonb;
BEGIN
    PERFORM quire.commit_bundle(t.id(2501), '[
        {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "by bob", "base_seq": 1},
        {"op": "field.unset", "entity_type": "task", "entity_id": "1", "field": "rank", "base_seq": 1}]');
EXCEPTION WHEN SQLSTATE 'PT409' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    told := detail::jsonb -> 'conflicts' -> 'task/1';
    RAISE NOTICE '%', told -> 'title' ->> 'description';
    RAISE NOTICE '%', told -> 'rank' ->> 'description';
    RAISE NOTICE '%', (told -> 'title') - 'their_bundle' - 'description';
END
$$;
-- skip leaves it and says so
SELECT r ->> 'seq' AS seq, r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2501), '[
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "by bob"},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "extra", "value": 1}]', base_seq => 1, on_conflict => 'skip') r;
-- record writes it and keeps both
SELECT r ->> 'seq' AS seq, r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2501), '[
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "by bob"}]', base_seq => 1, on_conflict => 'record') r;
\c - regress_carol
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2501), '[
    {"op": "field.unset", "entity_type": "task", "entity_id": "1", "field": "title"}]', base_seq => 2, on_conflict => 'record') r;
SELECT entity_type, entity_id, field, shown, opened_seq, resolved_seq,
    (SELECT string_agg(format('%s: %s (%s)', v ->> 'display_name', v ->> 'value', v ->> 'seq'), ', ') FROM jsonb_array_elements("values") v) AS "values"
FROM quire.list_conflicts(t.id(2501));
SELECT field, conflict_id IS NOT NULL AS in_conflict FROM quire.explain_entity(t.id(2501), 'task', '1');
SELECT conflict_id AS conflict FROM quire.list_conflicts(t.id(2501)) \gset
-- whoever writes it now gives it another value, and it stays open
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2501), '[
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "again by carol"}]') r;
SELECT jsonb_array_length("values") AS "values", shown FROM quire.list_conflicts(t.id(2501));
\c - regress_alice
SELECT quire.resolve_conflict(t.id(2501), :'conflict', '"settled"') ->> 'seq' AS seq;
SELECT t.error(format('SELECT quire.resolve_conflict(t.id(2501), %L, ''"mine"'')', :'conflict'));
SELECT count(*) FROM quire.list_conflicts(t.id(2501));
SELECT field, resolved_seq FROM quire.list_conflicts(t.id(2501), true);
SELECT seq, kind FROM quire.bundles WHERE project_id = t.id(2501) ORDER BY seq DESC LIMIT 1;
SELECT quire.get_entity(t.id(2501), 'task', '1') - 'checksum' AS entity;
-- somebody who does not know of the resolution opens it again
\c - regress_bob
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2501), '[
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "late bob"}]', base_seq => 7, on_conflict => 'record') r;
SELECT event, display_name, value, is_unset, seq FROM quire.conflict_history(t.id(2501), :'conflict');
SELECT jsonb_array_length("values") AS "values", opened_seq FROM quire.list_conflicts(t.id(2501));
-- a resolution to the value it has is a bundle, too; NULL clears
SELECT quire.resolve_conflict(t.id(2501), :'conflict', '"late bob"', t.id(1)) ->> 'seq' AS seq;
SELECT quire.resolve_conflict(t.id(2501), :'conflict', '"late bob"', t.id(1)) ->> 'seq' AS seq;
SELECT t.error(format('SELECT quire.resolve_conflict(t.id(2501), %L, ''"other"'', t.id(1))', :'conflict'));
SELECT t.error($$SELECT quire.resolve_conflict(t.id(2501), t.id(9), '1')$$);
SELECT t.error($$SELECT quire.resolve_conflict(t.id(2501), NULL, '1')$$);
SELECT t.error($$SELECT quire.resolve_conflict(NULL, t.id(9), '1')$$);
SELECT count(*) FROM quire.conflict_history(t.id(2501), t.id(9));
-- deleting an entity is in conflict with what others changed of it
SELECT t.error($$SELECT quire.commit_bundle(t.id(2501), '[{"op": "entity.delete", "entity_type": "task", "entity_id": "1"}]', base_seq => 1)$$);
SELECT r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2501), '[{"op": "entity.delete", "entity_type": "task", "entity_id": "1"}]', base_seq => 1, on_conflict => 'skip') r;
SELECT r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2501), '[{"op": "entity.delete", "entity_type": "task", "entity_id": "1"}]', base_seq => 1, on_conflict => 'record') r;
SELECT field, shown, jsonb_array_length("values") AS "values" FROM quire.list_conflicts(t.id(2501));
-- files: skip leaves out what changed since, record refuses
SELECT version FROM quire.upsert_project_file(t.id(2501), 'f', '1');
SELECT r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2501), '[
    {"op": "file.put", "file_path": "f", "content": "2"}, {"op": "file.put", "file_path": "g", "content": "2"}]', base_seq => 1, on_conflict => 'skip') r;
SELECT t.error($$SELECT quire.commit_bundle(t.id(2501), '[{"op": "file.put", "file_path": "f", "content": "2"}]', base_seq => 1, on_conflict => 'record')$$);
-- a bundle of more than 1,000 operations is advised against
SELECT length(r ->> 'advice') > 0 AS advised, jsonb_array_length(r -> 'ops') AS ops FROM quire.commit_bundle(t.id(2501), (
    SELECT jsonb_agg(jsonb_build_object('op', 'field.set', 'entity_type', 'n', 'entity_id', n::text, 'field', 'v', 'value', n)) FROM generate_series(1, 1001) n)) r;
-- a token that writes files does not write fields
SELECT quire.mint_token(t.id(2501), '{project:read,file:write}', '1 hour') AS token \gset
\c - regress_guest
BEGIN;
SELECT quire.authenticate(:'token') IS NOT NULL AS bound;
SELECT t.error($$SELECT quire.commit_bundle(t.id(2501), '[{"op": "entity.delete", "entity_type": "n", "entity_id": "1"}]')$$);
SELECT quire.get_entity(t.id(2501), 'n', '1') - 'checksum' AS entity;
ROLLBACK;
\c - regress_alice
-- an entity is bounded: a field counts with 1 KiB at least
SELECT quire.create_project('heavy', t.id(2502), settings => '{"max_entity_bytes": 4096}') IS NOT NULL AS created;
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2502), t.set_field('a', '1') || t.set_field('b', '2') || t.set_field('c', '3') || t.set_field('d', '4')) r;
SELECT t.error($$SELECT quire.commit_bundle(t.id(2502), t.set_field('e', '5'))$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2502), t.set_field('a', to_jsonb(repeat('x', 2000))))$$);
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2502), t.set_field('a', to_jsonb(repeat('x', 1000)))) r;
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2502), '[{"op": "field.unset", "entity_type": "t", "entity_id": "1", "field": "a"}]' || t.set_field('e', '5')) r;
SELECT t.error($$SELECT quire.commit_bundle(t.id(2502), t.set_field('a', '1'))$$);
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2502), '[{"op": "field.set", "entity_type": "t", "entity_id": "2", "field": "a", "value": 1}]') r;
SELECT t.error($$SELECT quire.update_project(t.id(2502), '{"settings": {"max_entity_bytes": 67108865}}')$$);
-- of one that is heavier than any answer, because it is older than the bound, its deletion is told without values
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2502), '[{"op": "entity.delete", "entity_type": "t", "entity_id": "1"}]') r;
SELECT before FROM quire.search_ops(t.id(2502), '{"op": "entity.delete"}');
\c - postgres
CALL t.spoil($$UPDATE quire_store.entity_op SET size = 67108864 WHERE project_id = t.id(2502) AND field = 'b'$$);
SELECT before FROM quire.search_ops(t.id(2502), '{"op": "entity.delete"}');
SELECT quire.get_bundle(t.id(2502), 5) -> 'ops' -> 0 -> 'before' AS before;
\c - regress_alice
SELECT quire.delete_project(t.id(2502), 'heavy');
-- of a bundle with more values than an answer holds, the rest is left out
SELECT quire.create_project('values', t.id(2503)) IS NOT NULL AS created;
SELECT r ->> 'seq' AS seq FROM quire.commit_bundle(t.id(2503), (
    SELECT jsonb_agg(jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', n::text, 'field', 'f', 'value', repeat('x', 1000000))) FROM generate_series(1, 40) n)) r;
SELECT count(*) FILTER (WHERE o ? 'after') AS told, count(*) FILTER (WHERE o ? 'values_omitted') AS omitted
FROM jsonb_array_elements(quire.get_bundle(t.id(2503), 1) -> 'ops') o;
SELECT quire.delete_project(t.id(2503), 'values');
SELECT quire.delete_project(t.id(2501), 'conflicts');
SELECT count(*) FROM quire.list_projects() WHERE project_id = t.id(2501);
