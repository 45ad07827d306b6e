-- Documents that are values of anybody's tables.
\c - regress_alice
CREATE FUNCTION pg_temp.doc(value jsonb) RETURNS bytea LANGUAGE sql AS 'SELECT quire.automerge_from_json(value)';
CREATE FUNCTION pg_temp.json(doc bytea) RETURNS jsonb LANGUAGE sql AS 'SELECT quire.automerge_to_json(doc)';
-- what goes in comes out, and goes in again
SELECT v, pg_temp.json(pg_temp.doc(v)) = v AS comes_out, pg_temp.doc(v) = pg_temp.doc(v) AS same_bytes, pg_temp.json(pg_temp.doc(pg_temp.json(pg_temp.doc(v)))) = v AS again
FROM unnest(ARRAY['{}', '{"a": "text", "b": [1, -1.5, true, null, {"c": []}], "": {"d/e": {}}}',
    '{"n": [9223372036854775807, -9223372036854775808, 18446744073709551615, 9007199254740993, 0.1, 1e100, 5.0]}',
    '{"f": [{"$counter": -5}, {"$timestamp": 1700000000000}, {"$bytes": "AAEC"}, {"$number": "NaN"}, {"$number": "-Infinity"}, {"$string": "a\\0b"}]}',
    '{"m": {"$object": {"$counter": 1}}, "r": {"$ref": {"doc": "x"}}, "u": {"$unknown": {"type": 10, "bytes": "AA=="}}}']::jsonb[]) v;
-- a number that neither 64 bits nor a double can hold is the nearest double
SELECT pg_temp.json(pg_temp.doc('{"a": 18446744073709551617, "b": 0.1234567890123456789012}'));
-- numbers with a fraction are doubles, others are integers
SELECT pg_temp.doc('{"a": 1.0}') = pg_temp.doc('{"a": 1}') AS fraction, pg_temp.doc('{"a": 1e3}') = pg_temp.doc('{"a": 1000}') AS exponent;
-- every one that begins here has the first change in common
SELECT quire.automerge_heads(pg_temp.doc('{}')), array_length(quire.automerge_changes(pg_temp.doc('{"a": 1}')), 1) AS changes, (quire.automerge_changes(pg_temp.doc('{"a": 1}')))[1];
-- empty bytes are a document without changes
SELECT quire.automerge_to_json(''), quire.automerge_heads(''), quire.automerge_changes(''), quire.automerge_diff(''), quire.automerge_conflicts(''),
    quire.automerge_heads(quire.automerge_merge('', '')), quire.automerge_heads(quire.automerge_apply('', '{}'));

-- Merging ------------------------------------------------------------------------------------------------------------
CREATE TEMP TABLE pair AS SELECT pg_temp.doc('{"a": 1, "same": "one", "list": [1]}') AS one, pg_temp.doc('{"b": 2, "same": "other"}') AS other;
CREATE TEMP TABLE merged AS SELECT quire.automerge_merge(one, other) AS doc FROM pair;
SELECT pg_temp.json(doc) - 'same' AS json, pg_temp.json(doc) ->> 'same' IN ('one', 'other') AS one_of_both FROM merged;
SELECT quire.automerge_heads(doc) = quire.automerge_heads(quire.automerge_merge(other, one)) AS in_any_order,
    quire.automerge_heads(doc) = ARRAY(SELECT h FROM unnest(quire.automerge_heads(one) || quire.automerge_heads(other)) h ORDER BY h COLLATE "C") AS heads_of_both,
    quire.automerge_heads(doc) = quire.automerge_heads(quire.automerge_merge(doc, one)) AS again_is_the_same FROM merged, pair;
-- conflicts: every value with who wrote it and in which change, the one that is seen last
SELECT c ->> 'path' AS path, array(SELECT v ->> 'value' FROM jsonb_array_elements(c -> 'values') v ORDER BY 1) AS values,
    c -> 'values' -> -1 -> 'value' = pg_temp.json(doc) -> 'same' AS last_is_seen, array(SELECT v ->> 'change' FROM jsonb_array_elements(c -> 'values') v ORDER BY v ->> 'change' COLLATE "C") = quire.automerge_heads(doc) AS changes,
    (SELECT bool_and(v ->> 'actor' ~ '^[0-9a-f]{32}$') FROM jsonb_array_elements(c -> 'values') v) AS actors
FROM merged, jsonb_array_elements(quire.automerge_conflicts(doc)) c;
SELECT quire.automerge_conflicts(doc, quire.automerge_heads(one)) AS before_both_met FROM merged, pair;
-- earlier states, by heads in any order
SELECT quire.automerge_to_json(doc, quire.automerge_heads(one)) = pg_temp.json(one) AS one, quire.automerge_to_json(doc, quire.automerge_heads(other)) = pg_temp.json(other) AS other,
    quire.automerge_to_json(doc, '{}') AS nothing, quire.automerge_to_json(doc, ARRAY(SELECT upper(h) FROM unnest(quire.automerge_heads(doc)) h ORDER BY h DESC)) = pg_temp.json(doc) AS both
FROM merged, pair;
-- the patch from one to the other
SELECT quire.automerge_diff(doc, quire.automerge_heads(one), quire.automerge_heads(other)) AS patch, quire.automerge_diff(doc, to_heads => '{}') AS back, quire.automerge_diff(doc) AS none,
    quire.automerge_diff(doc, '{}') FROM merged, pair;
-- changes that are taken out are put in again
SELECT cardinality(quire.automerge_changes(doc)) AS all_changes, cardinality(quire.automerge_changes(doc, quire.automerge_heads(one))) AS of_other,
    cardinality(quire.automerge_changes(doc, quire.automerge_heads(doc))) AS none, cardinality(quire.automerge_changes(doc, ARRAY[repeat('0', 64)])) AS head_unknown,
    quire.automerge_heads(quire.automerge_apply(one, quire.automerge_changes(doc, quire.automerge_heads(one)))) = quire.automerge_heads(doc) AS applied,
    quire.automerge_heads(quire.automerge_apply('', quire.automerge_changes(doc))) = quire.automerge_heads(doc) AS from_nothing,
    quire.automerge_heads(quire.automerge_apply(doc, quire.automerge_changes(doc))) = quire.automerge_heads(doc) AS twice,
    -- changes one behind the other are a document, too
    quire.automerge_heads(string_agg(c, '' ORDER BY n)) = quire.automerge_heads(doc) AS changes_are_a_document
FROM merged, pair, unnest(quire.automerge_changes(doc)) WITH ORDINALITY u(c, n) GROUP BY doc, one;

-- The aggregate ------------------------------------------------------------------------------------------------------
\c - postgres
CREATE SCHEMA regress_automerge AUTHORIZATION regress_alice;
\c - regress_alice
CREATE TABLE regress_automerge.note (id integer PRIMARY KEY, doc bytea, title text GENERATED ALWAYS AS (quire.automerge_to_json(doc) ->> 'title') STORED);
CREATE INDEX ON regress_automerge.note ((quire.automerge_heads(doc)));
SELECT quire.automerge_merge_agg(doc) IS NULL AS of_no_rows FROM regress_automerge.note;
INSERT INTO regress_automerge.note (id, doc) VALUES (1, NULL), (2, NULL);
SELECT quire.automerge_merge_agg(doc) IS NULL AS of_nulls FROM regress_automerge.note;
INSERT INTO regress_automerge.note (id, doc) VALUES (3, quire.automerge_from_json('{"title": "third", "3": 3}'));
SELECT title, quire.automerge_to_json(quire.automerge_merge_agg(doc) OVER (ORDER BY id)) AS so_far FROM regress_automerge.note ORDER BY id;
INSERT INTO regress_automerge.note (id, doc) SELECT n, quire.automerge_from_json(jsonb_build_object(n, n)) FROM generate_series(4, 300) n;
SELECT (SELECT count(*) FROM jsonb_object_keys(quire.automerge_to_json(doc))) AS keys, cardinality(quire.automerge_heads(doc)) AS heads
FROM (SELECT quire.automerge_merge_agg(doc) AS doc FROM regress_automerge.note) m;
SELECT id % 3 AS part, quire.automerge_heads(quire.automerge_merge_agg(doc)) = array_agg(h ORDER BY h COLLATE "C") FILTER (WHERE h IS NOT NULL) AS heads_of_all
FROM regress_automerge.note, LATERAL (SELECT (quire.automerge_heads(doc))[1] AS h) l GROUP BY 1 ORDER BY 1;
SELECT quire.automerge_heads(quire.automerge_merge_agg(doc ORDER BY id)) = quire.automerge_heads(quire.automerge_merge_agg(DISTINCT doc)) AS in_any_order FROM regress_automerge.note;
-- an index and a generated column may use them
SELECT id, title FROM regress_automerge.note WHERE quire.automerge_heads(doc) = (SELECT quire.automerge_heads(doc) FROM regress_automerge.note WHERE id = 3);
-- one document that is loaded, edited as JSON by two who did not know of each other, and saved
CREATE FUNCTION regress_automerge.save(of integer, value jsonb) RETURNS jsonb LANGUAGE sql AS $$
    UPDATE regress_automerge.note SET doc = quire.automerge_merge(doc, quire.automerge_from_json(value)) WHERE id = of RETURNING quire.automerge_to_json(doc)
$$;
SELECT regress_automerge.save(3, '{"by one": 1}');
SELECT regress_automerge.save(3, '{"by other": {"$counter": 2}}');
SELECT title FROM regress_automerge.note WHERE id = 3;

-- In parallel workers ------------------------------------------------------------------------------------------------
CREATE FUNCTION regress_automerge.plan(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || statement; END $$;
-- an index of them is made and looked at when nobody may ask the rest of quire
REINDEX TABLE regress_automerge.note;
ANALYZE regress_automerge.note;
SELECT quire.automerge_heads(quire.automerge_merge_agg(doc)) AS heads FROM regress_automerge.note \gset
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT bool_or(line LIKE '%Partial Aggregate%') AS partial, bool_or(line LIKE '%Parallel Seq Scan%') AS parallel
FROM regress_automerge.plan('SELECT quire.automerge_merge_agg(doc) FROM regress_automerge.note') line;
SELECT quire.automerge_heads(quire.automerge_merge_agg(doc)) = :'heads' AS same FROM regress_automerge.note;
SELECT set_config(name, 'on', false) AS forced FROM pg_settings WHERE name IN ('debug_parallel_query', 'force_parallel_mode');
SELECT bool_or(line LIKE '%Gather%') AS parallel FROM regress_automerge.plan('SELECT quire.automerge_to_json(doc) FROM regress_automerge.note WHERE id = 3') line;
SELECT quire.automerge_to_json(doc) - 'title' AS json, cardinality(quire.automerge_heads(doc)) AS heads, cardinality(quire.automerge_changes(doc)) AS changes, quire.automerge_conflicts(doc) AS conflicts,
    jsonb_array_length(quire.automerge_diff(doc, '{}')) AS patch, quire.automerge_heads(quire.automerge_apply(doc, quire.automerge_changes(doc))) = quire.automerge_heads(quire.automerge_merge(doc, doc)) AS same,
    quire.automerge_to_json(quire.automerge_from_json(jsonb_build_object('id', id))) AS made
FROM regress_automerge.note WHERE id = 3;
SELECT quire.automerge_to_json('x', ARRAY[id::text]) FROM regress_automerge.note WHERE id = 3;
RESET ALL;

-- NULL for NULL ------------------------------------------------------------------------------------------------------
SELECT quire.automerge_from_json(NULL) IS NULL AND quire.automerge_to_json(NULL) IS NULL AND quire.automerge_to_json(NULL, '{x}') IS NULL AND quire.automerge_merge(NULL, '') IS NULL AND quire.automerge_merge('', NULL) IS NULL
    AND quire.automerge_merge_agg(NULL) IS NULL AND quire.automerge_heads(NULL) IS NULL AND quire.automerge_changes(NULL, '{}') IS NULL AND quire.automerge_apply(NULL, '{}') IS NULL AND quire.automerge_apply('', NULL) IS NULL
    AND quire.automerge_diff(NULL) IS NULL AND quire.automerge_conflicts(NULL) IS NULL AS all_null;
SELECT s, t.error(s) FROM unnest(ARRAY[$$SELECT quire.automerge_to_json('', '{NULL}')$$, $$SELECT quire.automerge_changes('', '{NULL}')$$, $$SELECT quire.automerge_diff('', '{NULL}')$$, $$SELECT quire.automerge_diff('', to_heads => '{NULL}')$$,
    $$SELECT quire.automerge_conflicts('', '{NULL}')$$, $$SELECT quire.automerge_apply('', '{NULL}')$$]) s;

-- Errors -------------------------------------------------------------------------------------------------------------
SELECT v, t.error(format('SELECT quire.automerge_from_json(%L)', v)) FROM unnest(ARRAY['[]', '1', 'null', '"x"', '{"a": 1e400}', '{"a": {"$counter": "1"}}', '{"a": {"$bytes": "?"}}', '{"a": {"$number": 1}}',
    '{"a": {"$string": "\\n"}}', '{"a": {"$unknown": {"type": 3, "bytes": ""}}}', '{"$counter": 1}']) v;
SELECT depth, t.error(format('SELECT quire.automerge_from_json(%L)', '{"a":' || repeat('[', depth) || repeat(']', depth) || '}')) AS nested FROM unnest(ARRAY[99, 100, 101, 126, 127, 3000]) depth;
SELECT t.error($$SELECT quire.automerge_from_json(jsonb_build_object('a', array_fill(0, '{600000}')))$$);
-- what is no document, for each function and each argument
CREATE FUNCTION pg_temp.doc(value jsonb) RETURNS bytea LANGUAGE sql AS 'SELECT quire.automerge_from_json(value)';
CREATE TEMP TABLE call (n integer GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO call (statement) VALUES ('automerge_to_json(%s)'), ('automerge_merge(%s, '''')'), ('automerge_merge('''', %s)'), ('automerge_merge_agg(%s)'), ('automerge_heads(%s)'), ('automerge_changes(%s)'), ('automerge_apply(%s, ''{}'')'),
    ('automerge_apply('''', ARRAY[%s])'), ('automerge_diff(%s)'), ('automerge_conflicts(%s)');
CREATE TEMP TABLE bad AS SELECT name, quote_literal(bytes) || '::bytea' AS bytes FROM (VALUES ('text', 'no document'::bytea), ('magic', '\x856f4a83'), ('unknown type', '\x856f4a83000000000900'),
    ('cut short', (SELECT substring(pg_temp.doc('{"a": "text"}') FROM 1 FOR 60))), ('changed', (SELECT set_byte(pg_temp.doc('{"a": "text"}'), 50, 255))),
    ('something behind', (SELECT pg_temp.doc('{"a": "text"}') || '\x00')),
    -- a change of forty bytes that claims 2^40 operations
    ('huge claim', '\x856f4a830000000001130002abcd010100000001420780808080802001')) b(name, bytes);
SELECT c.statement, t.error(format('SELECT quire.' || c.statement, b.bytes)) AS error, t.detail(format('SELECT quire.' || c.statement, b.bytes)) ->> 'argument' AS argument FROM call c, bad b WHERE b.name = 'text' ORDER BY c.n;
SELECT b.name, array_agg(DISTINCT left(t.error(format('SELECT quire.' || c.statement, b.bytes)), 5)) AS codes FROM call c, bad b GROUP BY b.name ORDER BY b.name;
SELECT t.error(format('SELECT quire.automerge_heads(%s)', bytes)), t.detail(format('SELECT quire.automerge_heads(%s)', bytes)) ->> 'setting' AS setting FROM bad WHERE name = 'huge claim';
-- any byte changed, any length: an answer or an error of these
SELECT array_agg(DISTINCT code ORDER BY code) <@ ARRAY['22023', 'PT413', 'no er'] AS codes FROM (
    SELECT left(t.error(format('SELECT quire.automerge_to_json(%L::bytea), quire.automerge_changes(%L::bytea)', d, d)), 5) AS code
    FROM (SELECT pg_temp.doc('{"a": "text", "b": [1, 2, {"c": {"$counter": 1}}]}') AS doc) o, generate_series(0, length(doc) - 1) at, LATERAL (VALUES (set_byte(doc, at, get_byte(doc, at) # 85)), (substring(doc FROM 1 FOR at))) v(d)) a;
-- heads
SELECT c, t.error(format('SELECT quire.' || c, pg_temp.doc('{}'))) AS no_hash FROM unnest(ARRAY['automerge_to_json(%L::bytea, ''{x}'')', 'automerge_changes(%L::bytea, ''{""}'')', 'automerge_diff(%L::bytea, ''{x}'')', 'automerge_diff(%L::bytea, NULL, ''{x}'')', 'automerge_conflicts(%L::bytea, ''{x}'')']) c;
SELECT c, t.error(format('SELECT quire.' || c, pg_temp.doc('{}'), repeat('0', 64))) AS not_there FROM unnest(ARRAY['automerge_to_json(%L::bytea, ARRAY[%L])', 'automerge_diff(%L::bytea, ARRAY[%L])', 'automerge_diff(%L::bytea, NULL, ARRAY[%L])', 'automerge_conflicts(%L::bytea, ARRAY[%L])']) c;
SELECT c, t.error(format('SELECT quire.' || c, 'array_fill(NULL::text, ''{10001}'')')) AS too_many FROM unnest(ARRAY['automerge_to_json('''', %s)', 'automerge_changes('''', %s)', 'automerge_diff('''', %s)', 'automerge_diff('''', NULL, %s)', 'automerge_conflicts('''', %s)']) c;
-- changes
CREATE TEMP TABLE one AS SELECT pg_temp.doc('{"a": 1}') AS doc;
SELECT t.error($$SELECT quire.automerge_apply('', array_fill(NULL::bytea, '{100001}'))$$);
SELECT t.error('SELECT quire.automerge_apply('''', (quire.automerge_changes(doc))[2:]) FROM one') AS missing;
SELECT t.detail('SELECT quire.automerge_apply('''', (quire.automerge_changes(doc))[2:]) FROM one') -> 'missing' = to_jsonb(quire.automerge_heads(pg_temp.doc('{}'))) AS first_is_missing;
SELECT t.error('SELECT quire.automerge_apply('''', ARRAY[doc]) FROM one') AS a_document_is_no_change;
-- two changes of one actor with one number
CREATE TEMP TABLE same_number AS SELECT '\x856f4a8396f94298006701096f6e65206163746f72014c32a1eb4e78392f98e389973be51ec983184fedb8b6fc6a27890ccd25fdf1e2060102030213022302400256020815032102230234014202560257018001027f007f017f017f007f007f077f016b7f007f01017f017f14017f0000'::bytea AS one,
    '\x856f4a83db6b579a006701096f6e65206163746f720175a899b56ca46c5b8d0f08053874464a8ddce9ed1aa90d4b6200559ab08e6f36060102030213022302400256020815032102230234014202560257018001027f007f017f017f007f007f077f016b7f007f01017f017f14027f0000'::bytea AS other;
SELECT s, t.error(format('SELECT %s FROM same_number', s)) FROM unnest(ARRAY['quire.automerge_merge(one, other)', 'quire.automerge_apply(one, quire.automerge_changes(other))']) s;
SELECT t.error('SELECT quire.automerge_merge_agg(doc) FROM same_number, LATERAL (VALUES (one), (other)) d(doc)') AS of_many;

-- Limits: each error names its setting -------------------------------------------------------------------------------
SELECT name, setting, unit, min_val, max_val, context FROM pg_settings WHERE name LIKE 'quire.max\_doc\_%' ORDER BY name;
SET quire.max_doc_bytes = '1GB';
\c - postgres
CREATE FUNCTION pg_temp.refused(setting text, value text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before text := current_setting('quire.' || setting);
    answer text;
BEGIN
    PERFORM set_config('quire.' || setting, value, true);
    answer := concat_ws(' | ', t.error(statement), t.detail(statement) ->> 'setting', t.detail(statement) ->> 'limit');
    PERFORM set_config('quire.' || setting, before, true);
    RETURN answer;
END
$$;
CREATE TEMP TABLE doc AS SELECT quire.automerge_from_json(jsonb_build_object('text', (SELECT string_agg(md5(n::text), ' ') FROM generate_series(1, 100) n), 'deep', '[[[[1]]]]'::jsonb, 'list', (SELECT jsonb_agg(n) FROM generate_series(1, 100) n))) AS doc;
SELECT setting, pg_temp.refused(setting, value, 'SELECT quire.automerge_heads(doc) FROM doc') AS refused FROM (VALUES ('max_doc_bytes', '1kB'), ('max_doc_ops', '99')) s(setting, value);
SELECT quire.automerge_changes(doc) AS changes FROM doc \gset
SELECT setting, pg_temp.refused(setting, value, format('SELECT quire.automerge_apply('''', %L)', :'changes')) AS refused
FROM (VALUES ('max_doc_change_ops', '99'), ('max_doc_change_bytes', '1kB'), ('max_doc_bytes', '1kB'), ('max_doc_ops', '99')) s(setting, value);
SELECT statement, pg_temp.refused('max_doc_depth', '3', statement) AS refused FROM unnest(ARRAY['SELECT quire.automerge_to_json(doc) FROM doc', 'SELECT quire.automerge_conflicts(doc) FROM doc', 'SELECT quire.automerge_diff(doc, ''{}'') FROM doc',
    'SELECT quire.automerge_from_json(''{"a": [[[[1]]]]}'')']) statement;
SELECT statement, pg_temp.refused('max_doc_json_bytes', '1kB', statement) AS refused FROM unnest(ARRAY['SELECT quire.automerge_to_json(doc) FROM doc', 'SELECT quire.automerge_diff(doc, ''{}'') FROM doc',
    'SELECT quire.automerge_from_json(jsonb_build_object(''a'', repeat(''x'', 2000)))']) statement;
SELECT setting, pg_temp.refused(setting, value, 'SELECT quire.automerge_from_json(quire.automerge_to_json(doc)) FROM (SELECT quire.automerge_apply('''', ''{}'')) d(doc)') AS empty,
    pg_temp.refused(setting, value, 'SELECT quire.automerge_from_json(jsonb_build_object(''a'', repeat(''x'', 2000)))') AS made FROM (VALUES ('max_doc_change_ops', '99'), ('max_doc_change_bytes', '1kB'), ('max_doc_bytes', '1kB'), ('max_doc_ops', '99')) s(setting, value);
-- what is merged has to fit, too
SELECT pg_temp.refused('max_doc_ops', '2', 'SELECT quire.automerge_merge(quire.automerge_from_json(''{"a": 1, "b": 1}''), quire.automerge_from_json(''{"c": 1}''))') AS merged,
    pg_temp.refused('max_doc_ops', '2', 'SELECT quire.automerge_merge_agg(quire.automerge_from_json(jsonb_build_object(n, n))) FROM generate_series(1, 3) n') AS of_many;
SELECT pg_temp.refused('max_call_memory', '16MB', 'SELECT quire.automerge_merge_agg(doc) FROM (SELECT decode(repeat(''00'', 1 << 20), ''hex'') AS doc FROM generate_series(1, 20)) d') AS together;

-- a long merge is cancelled
CREATE TEMP TABLE long AS SELECT quire.automerge_from_json(jsonb_build_object('text', repeat('x', 400000))) AS doc;
SELECT clock_timestamp() AS start \gset
SET statement_timeout = '500ms';
SELECT quire.automerge_heads(quire.automerge_merge_agg(doc)) FROM long, generate_series(1, 1000);
RESET statement_timeout;
SELECT clock_timestamp() - :'start' < interval '5 seconds' AS soon, quire.automerge_heads(doc) = quire.automerge_heads(quire.automerge_merge(doc, doc)) AS alive FROM long;

-- Who ----------------------------------------------------------------------------------------------------------------
\c - regress_nobody
SELECT quire.automerge_to_json(quire.automerge_from_json('{"a": 1}')), quire.automerge_heads(quire.automerge_merge_agg('')), quire.automerge_diff('');
\c - regress_guest
SELECT t.error($$SELECT quire.automerge_heads('')$$), t.error($$SELECT quire.automerge_merge_agg(''::bytea)$$), t.error($$SELECT quire_store.merge_docs('{}')$$);
\c - regress_outsider
SELECT t.error($$SELECT quire.automerge_heads('')$$), t.error($$SELECT quire.automerge_merge_agg(''::bytea)$$);
\c - postgres
SET client_min_messages = warning;
DROP SCHEMA regress_automerge CASCADE;
