-- The storage of automerge-repo: pairs that are kept as they are, chunks that go into documents, and what becomes of their keys.
\c - regress_alice
SELECT quire.create_project('storage', t.id(5520)) IS NOT NULL AS created;
CREATE FUNCTION pg_temp.range(prefix text[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(translate(array_to_string(CASE WHEN key[3] ~ '^[0-9a-f]{64}$' THEN key[:2] || 'HASH'::text ELSE key END, '/'), E'\x01', '^') || '=' || COALESCE(CASE WHEN substr(data, 1, 4) = '\x856f4a83' THEN quire.automerge_to_json(data)::text END, encode(data, 'escape')), ' ' ORDER BY n)
    FROM quire.storage_load_range(t.id(5520), prefix) WITH ORDINALITY r (key, data, n) $$;
CREATE FUNCTION pg_temp.save(key text[], data bytea) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM quire.storage_save(t.id(5520), key, data);
    RETURN (quire.get_project(t.id(5520)) ->> 'seq')::bigint;
END $$;
-- what is no part of a document is kept as it is, and is no bundle; the last one counts
SELECT quire.storage_load(t.id(5520), '{storage-adapter-id}') IS NULL AS nothing, pg_temp.range('{}') IS NULL AS none;
SELECT pg_temp.save('{storage-adapter-id}', 'one'), pg_temp.save('{a,sync-state,y}', 'two'), pg_temp.save('{a,snapshot,x}', 'three'), pg_temp.save('{a,sync-state,x}', ''), pg_temp.save('{storage-adapter-id}', 'four');
SELECT encode(quire.storage_load(t.id(5520), '{storage-adapter-id}'), 'escape') AS id, quire.storage_load(t.id(5520), '{a,sync-state,x}') AS empty, quire.storage_load(t.id(5520), '{a,sync-state}') IS NULL AS no_key;
-- a prefix is parts, not characters, and the pairs come in the order in which they were saved
SELECT pg_temp.save('{a,sync}', '1'), pg_temp.save('{aa,sync-state,x}', '2'), pg_temp.save(ARRAY[E'a\x01'], '3');
SELECT p AS prefix, pg_temp.range(p) AS pairs FROM (VALUES ('{}'::text[]), ('{a}'), ('{a,sync-state}'), ('{a,sync-state,x}'), ('{a,sync}'), ('{A}'), ('{a,snapshot,x,y}')) v (p);
SELECT quire.storage_remove(t.id(5520), '{a,sync}') AS gone, quire.storage_remove(t.id(5520), '{a,sync}') AS again, quire.storage_remove_range(t.id(5520), '{a,sync-state}') AS gone;
SELECT pg_temp.range('{}');
-- what Automerge has written of a document becomes the document of its name, by one bundle
SELECT quire.automerge_from_json('{"t": "one"}') AS one \gset
SELECT pg_temp.save('{doc,snapshot,h1}', :'one') AS seq;
SELECT quire.read_doc(t.id(5520), 'doc'), pg_temp.range('{doc}');
SELECT doc, change_count, seq FROM quire.list_docs(t.id(5520));
SELECT seq, kind, op_count FROM quire.bundles WHERE project_id = t.id(5520);
-- what it has already makes no bundle, and its key is there all the same
SELECT pg_temp.save('{doc,snapshot,h1}', :'one'), pg_temp.save('{doc,incremental,i0}', (quire.automerge_changes(:'one'))[2]);
SELECT quire.automerge_to_json(quire.storage_load(t.id(5520), '{doc,snapshot,h1}')) AS h1, quire.automerge_to_json(quire.storage_load(t.id(5520), '{doc,incremental,i0}')) AS i0;
-- the key of the document is a hash of its heads; it stands for the document while it has these
SELECT r.key AS key, r.data = quire.export_doc(t.id(5520), 'doc') AS same, quire.storage_load(t.id(5520), r.key) = r.data AS loaded FROM quire.storage_load_range(t.id(5520), '{doc}') r \gset doc_
SELECT :'doc_same' AS same, :'doc_loaded' AS loaded, cardinality(:'doc_key'::text[]) AS parts, pg_temp.range(:'doc_key');
-- edits from SQL are there for who loads
SELECT quire.put_doc(t.id(5520), 'doc', '{"t": "two", "n": 1}') ->> 'seq' AS seq;
SELECT p AS prefix, pg_temp.range(p) AS pairs FROM (VALUES ('{doc}'::text[]), ('{doc,snapshot}'), ('{doc,incremental}'), ('{doc,snapshot,h1}'), ('{do}')) v (p);
SELECT quire.storage_load(t.id(5520), :'doc_key') IS NULL AS old_key, pg_temp.range(:'doc_key') IS NULL AS old_range, quire.automerge_to_json(quire.storage_load(t.id(5520), '{doc,snapshot,h1}')) AS h1;
-- what waits for changes is kept as it is, until they are there
SELECT quire.automerge_changes(quire.automerge_merge(quire.export_doc(t.id(5520), 'doc'), quire.automerge_from_json('{"x": 1}'))) AS more \gset
SELECT (:'more'::bytea[])[1] AS m1, (:'more'::bytea[])[2] AS m2, (:'more'::bytea[])[3] AS m3, cardinality(:'more'::bytea[]) AS changes \gset
SELECT pg_temp.save('{late,incremental,i3}', :'m3'), pg_temp.save('{late,incremental,i2}', :'m2');
SELECT quire.storage_load(t.id(5520), '{late,incremental,i3}') = :'m3' AS as_it_came, count(*) AS pairs FROM quire.storage_load_range(t.id(5520), '{late}');
SELECT pg_temp.save('{late,incremental,i1}', :'m1') AS seq;
SELECT change_count FROM quire.list_docs(t.id(5520), prefix => 'late');
SELECT array_agg(key[2]) AS pairs FROM quire.storage_load_range(t.id(5520), '{late}');
SELECT quire.automerge_heads(quire.storage_load(t.id(5520), '{late,incremental,i3}')) = quire.automerge_heads(quire.export_doc(t.id(5520), 'late')) AS in_the_document;
-- also when they came another way; what was damaged waits for nothing
SELECT pg_temp.save('{other,incremental,i2}', :'m2'), pg_temp.save('{other,incremental,bad}', overlay(:'m2'::bytea PLACING '\xff' FROM 30));
SELECT quire.apply_doc_changes(t.id(5520), 'other', ARRAY[:'m1'::bytea]) -> 'applied' AS applied, pg_temp.save('{other,incremental,i1}', :'m1') AS seq;
SELECT change_count FROM quire.list_docs(t.id(5520), prefix => 'other');
SELECT array_agg(key[2:3] ORDER BY key) FILTER (WHERE key[3] = 'bad') AS raw, count(*) AS pairs FROM quire.storage_load_range(t.id(5520), '{other}');
-- a key that is removed is gone, and the document stays; the other way round a document that is deleted takes its keys along
SELECT quire.storage_remove(t.id(5520), '{doc,snapshot,h1}') AS gone, quire.storage_load(t.id(5520), '{doc,snapshot,h1}') IS NULL AS nothing, quire.read_doc(t.id(5520), 'doc') AS stays;
SELECT quire.storage_remove_range(t.id(5520), '{doc,incremental}') AS gone, quire.storage_load(t.id(5520), '{doc,incremental,i0}') IS NULL AS nothing, quire.read_doc(t.id(5520), 'doc') AS stays;
SELECT quire.storage_remove_range(t.id(5520), r.key) AS gone, quire.read_doc(t.id(5520), 'doc') AS stays FROM quire.storage_load_range(t.id(5520), '{doc}') r;
SELECT pg_temp.save('{doc,sync-state,s}', 'state') AS seq;
SELECT quire.storage_remove_range(t.id(5520), '{doc}') AS gone;
SELECT pg_temp.range('{doc}') IS NULL AS none, t.error($$SELECT quire.read_doc(t.id(5520), 'doc')$$), quire.read_doc(t.id(5520), 'doc', at_seq => 2) AS before;
SELECT quire.storage_remove_range(t.id(5520), '{doc}') AS again, quire.get_project(t.id(5520)) ->> 'seq' AS seq;
-- what is saved again is there again, also as it was
SELECT pg_temp.save('{doc,snapshot,h1}', :'one') AS seq;
SELECT quire.read_doc(t.id(5520), 'doc'), pg_temp.range('{doc}');
SELECT quire.storage_remove_range(t.id(5520), '{doc,snapshot}') AS gone, pg_temp.range('{doc}') IS NULL AS none;
SELECT quire.delete_doc(t.id(5520), 'late') IS NOT NULL AS deleted, quire.storage_load(t.id(5520), '{late,incremental,i1}') IS NULL AS nothing, pg_temp.range('{late}') IS NULL AS none;
-- the name of a document must be one; others are kept as they are
SELECT pg_temp.save(ARRAY[repeat('x', 256), 'snapshot', 'h'], :'one'), pg_temp.save('{"",snapshot,h}', :'one'), pg_temp.save('{doc,snapshots,h}', :'one'), pg_temp.save('{empty,snapshot,h}', '\x856f4a83b81a95440004000000000000');
SELECT left(key[1], 5) AS name, key[2:], length(data) FROM quire.storage_load_range(t.id(5520), '{}') r (key, data) WHERE key[3] = 'h';
SELECT doc FROM quire.list_docs(t.id(5520));
-- on main: what another branch has is another matter
SELECT quire.create_branch(t.id(5520), 'draft') IS NOT NULL AS made, quire.put_doc(t.id(5520), 'drafted', '{"a": 1}', 'draft') IS NOT NULL AS put, pg_temp.range('{drafted}') IS NULL AS none;
-- it counts for the quota, and is counted
SELECT (s ->> 'storage_bytes')::int AS bytes FROM quire.get_project_stats(t.id(5520)) s \gset
SELECT pg_temp.save('{k}', 'abc') IS NOT NULL AS saved, (s ->> 'storage_bytes')::int - :bytes AS more FROM quire.get_project_stats(t.id(5520)) s;
SELECT (s ->> 'storage_bytes')::int - :bytes AS more FROM quire.get_project_stats(t.id(5520)) s;
SELECT pg_temp.save('{k}', 'a') IS NOT NULL AS saved;
SELECT (s ->> 'storage_bytes')::int - :bytes AS more FROM quire.get_project_stats(t.id(5520)) s;
SELECT quire.storage_remove(t.id(5520), '{k}') AS gone;
SELECT (s ->> 'storage_bytes')::int - :bytes AS more FROM quire.get_project_stats(t.id(5520)) s;
SELECT quire.verify_project(t.id(5520)) -> 'is_sound' AS is_sound;
SELECT quire.update_project(t.id(5520), '{"settings": {"max_project_bytes": 5000}}') IS NOT NULL AS limited;
SELECT t.error($$SELECT quire.storage_save(t.id(5520), '{k}', convert_to(repeat('x', 5000), 'utf8'))$$), t.detail($$SELECT quire.storage_save(t.id(5520), '{k}', convert_to(repeat('x', 5000), 'utf8'))$$) ->> 'setting' AS setting, quire.storage_load(t.id(5520), '{k}') IS NULL AS nothing;
SELECT quire.update_project(t.id(5520), '{"settings": {"max_project_bytes": null}}') IS NOT NULL AS unlimited;
-- errors
SELECT c AS call, t.error('SELECT quire.' || c) FROM unnest(ARRAY['storage_load(NULL, ''{a}'')', 'storage_load(t.id(5520), NULL)', 'storage_load(t.id(5520), ''{}'')', 'storage_load(t.id(5520), ''{a,NULL}'')', 'storage_load(t.id(5520), array_fill(''a''::text, ''{16}''))', 'storage_load(t.id(5520), array_fill(''a''::text, ''{17}''))', 'storage_load(t.id(5520), ARRAY[repeat(''x'', 1024)])', 'storage_load(t.id(5520), ARRAY[repeat(''x'', 1024), ''y''])',
    'storage_load_range(NULL, ''{}'')', 'storage_load_range(t.id(5520), NULL)', 'storage_load_range(t.id(5520), ''{NULL}'')', 'storage_load_range(t.id(5520), array_fill(''a''::text, ''{17}''))', 'storage_load_range(t.id(5520), ARRAY[repeat(''x'', 1025)])',
    'storage_save(NULL, ''{a}'', ''x'')', 'storage_save(t.id(5520), NULL, ''x'')', 'storage_save(t.id(5520), ''{a}'', NULL)', 'storage_save(t.id(5520), ''{}'', ''x'')', 'storage_save(t.id(5520), ''{{a,b},{c,NULL}}'', ''x'')', 'storage_save(t.id(5520), array_fill(''a''::text, ''{17}''), ''x'')', 'storage_save(t.id(5520), ARRAY[repeat(''x'', 1025)], ''x'')',
    'storage_remove(NULL, ''{a}'')', 'storage_remove(t.id(5520), NULL)', 'storage_remove(t.id(5520), ''{}'')', 'storage_remove(t.id(5520), ''{NULL}'')', 'storage_remove(t.id(5520), ARRAY[repeat(''x'', 1025)])', 'storage_remove(t.id(5520), array_fill(''a''::text, ''{17}''))',
    'storage_remove_range(NULL, ''{a}'')', 'storage_remove_range(t.id(5520), NULL)', 'storage_remove_range(t.id(5520), ''{NULL}'')', 'storage_remove_range(t.id(5520), ARRAY[repeat(''x'', 1025)])', 'storage_remove_range(t.id(5520), array_fill(''a''::text, ''{17}''))']) c;
SELECT key AS key_argument, t.detail(format('SELECT quire.storage_load(t.id(5520), %L)', key)) -> 'argument' AS argument, t.detail(format('SELECT quire.storage_load(t.id(5520), %L)', key)) -> 'limit' AS "limit" FROM unnest(ARRAY['{}', '{a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a}']) key;
SELECT t.error($$SELECT quire.storage_save(t.id(5520), '{a}', convert_to(repeat('x', 16 * 1024 * 1024 + 1), 'utf8'))$$), t.error($$SELECT quire.storage_save(t.id(5520), '{a,incremental,b}', convert_to(repeat('x', 16 * 1024 * 1024 + 1), 'utf8'))$$);
SELECT t.error($$SELECT quire.storage_load_range(t.id(5520), array_fill('x'::text, '{40000000}'))$$), t.error($$SELECT quire.storage_save(t.id(5520), array_fill(NULL::text, '{40000000}'), 'x')$$);
SELECT t.error($$SELECT quire.storage_save(t.id(1), array_fill('x'::text, '{40000000}'), 'x')$$);
-- an actor that was used twice, and limits of documents: refused, and nothing is kept
SELECT quire.put_doc(t.id(5520), 'dupa', '{"a": 1}') IS NOT NULL AS a, quire.put_doc(t.id(5520), 'dupb', '{"b": 1}') IS NOT NULL AS b;
SELECT regexp_replace(t.error($$SELECT quire.storage_save(t.id(5520), '{dupa,snapshot,x}', quire.export_doc(t.id(5520), 'dupb'))$$), '[0-9a-f]{64}', 'CHANGE') AS error, pg_temp.range('{dupa}'), quire.storage_load(t.id(5520), '{dupa,snapshot,x}') IS NULL AS nothing;
\c - postgres
-- what was counted wrong is noticed
CALL t.spoil($$UPDATE quire_store.project_head SET storage_bytes = storage_bytes + 1 WHERE project_id = t.id(5520)$$);
SELECT v -> 'is_sound' AS is_sound, jsonb_array_length(v -> 'findings') AS findings FROM quire.verify_project(t.id(5520)) v;
SELECT quire.repair(t.id(5520), quarantine_id) ->> 'repaired_from' AS repaired_from FROM quire.list_quarantine(t.id(5520));
SELECT quire.verify_project(t.id(5520)) -> 'is_sound' AS is_sound;
SET quire.max_doc_bytes = '1kB';
SELECT t.error($$SELECT quire.storage_save(t.id(5520), '{long,snapshot,x}', quire.automerge_from_json(jsonb_build_object('t', repeat('x', 600))) || quire.automerge_from_json(jsonb_build_object('t', repeat('y', 600))))$$);
RESET quire.max_doc_bytes;
SELECT count(*) FROM quire.storage_load_range(t.id(5520), '{long}');
\c - regress_alice
-- garbage of every kind is kept as it came
SELECT count(*) AS saved, bool_and(quire.storage_load(t.id(5520), ARRAY['bad', 'incremental', n::text]) = d) AS same FROM (SELECT n, d, quire.storage_save(t.id(5520), ARRAY['bad', 'incremental', n::text], d) IS NOT NULL FROM
    (SELECT n, CASE n % 3 WHEN 0 THEN substr(:'one'::bytea, 1, n % length(:'one'::bytea)) WHEN 1 THEN set_bit(:'one'::bytea, n * 7 % (8 * length(:'one'::bytea)), 1 - get_bit(:'one'::bytea, n * 7 % (8 * length(:'one'::bytea)))) ELSE sha256(n::text::bytea) END AS d FROM generate_series(1, 100) n) g OFFSET 0) s;
SELECT count(*) FROM quire.list_docs(t.id(5520), prefix => 'bad');
SELECT quire.storage_remove_range(t.id(5520), '{}') AS gone;
SELECT count(*) FROM quire.storage_load_range(t.id(5520), '{}');
SELECT count(*) FROM quire.list_docs(t.id(5520));
-- readers load, writers save and remove; who may know nothing is told nothing
SELECT quire.storage_save(t.id(5520), '{r,snapshot,x}', :'one') AS saved, quire.set_project_member(t.id(5520), t.actor('bob'), 'viewer') IS NOT NULL AS reads;
\c - regress_bob
SELECT quire.automerge_to_json(quire.storage_load(t.id(5520), '{r,snapshot,x}')) AS loaded, count(*) AS pairs FROM quire.storage_load_range(t.id(5520), '{}');
SELECT t.error('SELECT quire.' || c) FROM unnest(ARRAY['storage_save(t.id(5520), ''{a}'', ''x'')', 'storage_save(t.id(5520), array_fill(NULL::text, ''{40000000}''), ''x'')', 'storage_remove(t.id(5520), ''{a}'')', 'storage_remove_range(t.id(5520), ''{a}'')']) c;
\c - regress_carol
SELECT t.error('SELECT quire.' || c) FROM unnest(ARRAY['storage_load(t.id(5520), ''{r,snapshot,x}'')', 'storage_load_range(t.id(5520), ''{r}'')', 'storage_save(t.id(5520), ''{a}'', ''x'')', 'storage_remove(t.id(5520), ''{a}'')', 'storage_remove_range(t.id(5520), ''{a}'')', 'storage_load(t.id(5529), ''{r,snapshot,x}'')']) c;
\c - regress_outsider
SELECT t.error('SELECT quire.' || c) FROM unnest(ARRAY['storage_load(t.id(5520), ''{r,snapshot,x}'')', 'storage_load_range(t.id(5520), ''{r}'')', 'storage_save(t.id(5520), ''{a}'', ''x'')']) c;
-- an archived project is read only, and a deleted one takes all along
\c - regress_alice
SELECT quire.archive_project(t.id(5520)) IS NOT NULL AS archived;
SELECT t.error('SELECT quire.' || c) FROM unnest(ARRAY['storage_load(t.id(5520), ''{none}'')', 'storage_save(t.id(5520), ''{a}'', ''x'')', 'storage_remove(t.id(5520), ''{a}'')', 'storage_remove_range(t.id(5520), ''{a}'')']) c;
\c - postgres
CALL t.drop(t.id(5520));
SELECT count(*) FROM quire_store.doc_storage WHERE project_id = t.id(5520);
