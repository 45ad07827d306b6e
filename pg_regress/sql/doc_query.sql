-- Queries over documents: conditions, projections, order, pages, counts, points in time, references; what is kept as JSON makes no difference.
\c - regress_alice
SELECT quire.create_project('queries', t.id(5510)) IS NOT NULL AS created;
SELECT max((quire.put_doc(t.id(5510), d, v) ->> 'seq')::int) AS seq FROM (VALUES
    ('ann', '{"n": 1, "t": "Tent", "tags": ["a", "b"], "at": {"x": 1, "y": [1, {"k": 2}]}}'::jsonb),
    ('bob', '{"n": 2.5, "t": "tent", "tags": [], "at": {"x": "1"}, "no": null}'),
    ('cat', '{"n": "2", "t": "Über", "tags": ["b"], "likes": {"$counter": 3}, "map": {"0": "zero", "01": 1}}'),
    ('dan', '{"n": 10, "list": ["zero", {"$ref": {"doc": "ann"}}], "done": true}'),
    ('eve', '{"n": -1, "done": false, "up": {"$ref": {"doc": "dan"}}}'),
    ('team/all', '{"of": [{"$ref": {"doc": "ann", "path": "/t"}}, {"$ref": {"doc": "bob"}}, {"$ref": {"doc": "none"}}, {"$ref": {"doc": "bob", "path": "/none"}}, 7], "lead": {"$ref": {"doc": "eve"}}}'),
    ('team/one', '{"of": [], "lead": {"$ref": {"doc": "team/one"}}}')) v (d, v);
CREATE FUNCTION pg_temp.names(query jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(d ->> 'doc', ' ' ORDER BY n) FROM jsonb_array_elements(quire.query_docs(t.id(5510), query) -> 'docs') WITH ORDINALITY d (d, n) $$;
CREATE FUNCTION pg_temp.shown(query jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_path_query_array(quire.query_docs(t.id(5510), query), '$.docs[*].value') $$;
-- without a condition all, by name; each with its heads and the bundle of its last operation
SELECT r - 'docs' - 'checksum' AS answer, r ->> 'checksum' = b.mark AS same_checksum FROM quire.query_docs(t.id(5510), '{}') r, (SELECT left(checksum, 16) AS mark FROM quire.bundles WHERE project_id = t.id(5510) ORDER BY seq DESC LIMIT 1) b;
SELECT d ->> 'doc' AS doc, d -> 'seq' AS seq, d -> 'heads' = to_jsonb(l.heads) AS same_heads, d -> 'value' = quire.read_doc(t.id(5510), l.doc) AS same FROM jsonb_array_elements(quire.query_docs(t.id(5510), '{}') -> 'docs') d JOIN quire.list_docs(t.id(5510)) l ON l.doc = d ->> 'doc';
SELECT pg_temp.names('{"prefix": "team/"}'), pg_temp.names('{"prefix": "team/o"}'), pg_temp.names('{"prefix": "x"}');
-- conditions
SELECT c AS condition, pg_temp.names(jsonb_build_object('where', c)) AS holds FROM unnest(ARRAY[
    '{"path": "/n", "eq": 1.0}', '{"path": "/n", "eq": "2"}', '{"path": "/n", "ne": 1}', '{"path": "/n", "lt": 2.5}', '{"path": "/n", "le": 2.5}', '{"path": "/n", "gt": 1, "lt": 10}', '{"path": "/n", "ge": 1}', '{"path": "/n", "ge": "1"}', '{"not": {"path": "/n", "ge": "1"}}',
    '{"path": "/t", "lt": "a"}', '{"path": "/t", "ge": "a"}', '{"path": "/t", "prefix": "T"}', '{"path": "/t", "prefix": ""}', '{"path": "/n", "prefix": ""}', '{"path": "/t", "in": ["tent", "Über", 1, null]}', '{"path": "/no", "in": [null]}', '{"path": "/no", "eq": null}', '{"path": "/no", "exists": true}', '{"path": "/no", "exists": false}',
    '{"path": "/tags", "contains": "b"}', '{"path": "/tags", "contains": ["b", "a"]}', '{"path": "/tags", "contains": []}', '{"path": "/tags", "eq": []}', '{"path": "/tags", "eq": ["b", "a"]}', '{"path": "/tags", "eq": ["a", "b"]}', '{"path": "/tags/1", "eq": "b"}', '{"path": "/tags/01", "exists": true}', '{"path": "/tags/-1", "exists": true}',
    '{"path": "/at", "eq": {"y": [1, {"k": 2}], "x": 1}}', '{"path": "/at", "eq": {"x": "1"}}', '{"path": "/at", "contains": {"y": [{"k": 2}]}}', '{"path": "/at", "contains": {"y": {"k": 2}}}', '{"path": "/at/y/1/k", "gt": 1}', '{"path": "/at/x", "eq": 1}', '{"path": "/map/0", "eq": "zero"}', '{"path": "/map/01", "eq": 1}', '{"path": "/list/0", "eq": "zero"}',
    '{"path": "/likes/$counter", "ge": 3}', '{"path": "/done", "eq": true}', '{"path": "/done", "ne": true}', '{"path": "", "contains": {"done": false, "n": -1}}', '{"path": "", "contains": {}}', '{"path": "/up/$ref/doc", "eq": "dan"}',
    '{"and": [{"path": "/n", "gt": 0}, {"path": "/tags", "contains": "b"}]}', '{"or": [{"path": "/n", "gt": 5}, {"not": {"path": "/n", "exists": true}}]}', '{"and": [{"or": [{"path": "/n", "eq": 1}, {"path": "/n", "eq": 10}]}, {"not": {"path": "/done", "exists": true}}]}']::jsonb[]) c;
-- what is wanted of a document
SELECT pg_temp.shown('{"prefix": "bo", "select": ["/n", "/at/x", "/none", "/no"]}') AS paths, pg_temp.shown('{"prefix": "bo", "select": {"number": "/n", "all": ""}}') AS named, pg_temp.shown('{"prefix": "bo", "select": []}') AS nothing;
-- in which order: by type, then by value, then by name
SELECT s AS sort, pg_temp.names(jsonb_build_object('sort', s)) AS sorted FROM unnest(ARRAY['[{"path": "/n"}]', '[{"path": "/n", "desc": true}]', '[{"path": "/done", "desc": true}, {"path": "/n"}]', '[{"path": "/t"}]', '[{"path": "/tags/0"}, {"path": "/t", "desc": true}, {"path": "/n"}]', '[]', '[{"path": ""}]']::jsonb[]) s;
-- pages: one after the other they are the whole, in any order; a cursor is good for its own query
CREATE FUNCTION pg_temp.pages(query jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    page  jsonb;
    pages text[] := '{}';
BEGIN
    LOOP
        page := quire.query_docs(t.id(5510), query);
        pages := pages || (SELECT string_agg(d ->> 'doc', ' ' ORDER BY n) FROM jsonb_array_elements(page -> 'docs') WITH ORDINALITY d (d, n));
        EXIT WHEN page ->> 'next' IS NULL OR cardinality(pages) > 20;
        query := query || jsonb_build_object('after', page ->> 'next');
    END LOOP;
    RETURN array_to_string(pages, ' | ');
END
$$;
SELECT l AS size, pg_temp.pages(jsonb_build_object('limit', l)) AS by_name, pg_temp.pages(jsonb_build_object('limit', l, 'sort', '[{"path": "/n", "desc": true}]'::jsonb)) AS by_n FROM unnest('{1,3,7,8}'::int[]) l;
SELECT r ->> 'next' AS cursor, r -> 'count' AS count FROM quire.query_docs(t.id(5510), '{"limit": 2, "count": true, "where": {"path": "/n", "exists": true}, "sort": [{"path": "/n"}]}') r \gset
SELECT r -> 'count' AS count, jsonb_path_query_array(r, '$.docs[*].value') AS rest FROM quire.query_docs(t.id(5510), jsonb_build_object('count', true, 'select', '{/n}'::text[], 'after', :'cursor', 'where', '{"path": "/n", "exists": true}'::jsonb, 'sort', '[{"path": "/n"}]'::jsonb)) r;
SELECT t.error(format('SELECT quire.query_docs(t.id(5510), %L)', q || jsonb_build_object('after', :'cursor'))) FROM unnest(ARRAY['{}', '{"sort": [{"path": "/n"}]}', '{"where": {"path": "/n", "exists": true}}', '{"where": {"path": "/n", "exists": true}, "sort": [{"path": "/n"}], "prefix": "a"}', '{"where": {"path": "/n", "exists": true}, "sort": [{"path": "/n", "desc": true}]}']::jsonb[]) q;
-- references: what they lead to stands in their place
SELECT pg_temp.shown('{"prefix": "eve", "expand": ["/up"]}') AS one, pg_temp.shown('{"prefix": "eve", "expand": ["/up", "/list"], "depth": 2}') AS two, pg_temp.shown('{"prefix": "eve", "expand": ["/up"], "select": ["/up/n", "/up/done"]}') AS through;
SELECT jsonb_path_query_array(r, '$.docs[*].value') AS values, r -> 'missing' AS missing FROM quire.query_docs(t.id(5510), '{"prefix": "team/", "expand": ["/of", "/lead"], "depth": 5}') r;
SELECT r -> 'missing' AS none_missing FROM quire.query_docs(t.id(5510), '{"prefix": "ann", "expand": ["/t"]}') r;
SELECT (quire.put_doc(t.id(5510), 'many', jsonb_build_object('l', (SELECT jsonb_agg('{"$ref": {"doc": "ann"}}'::jsonb) FROM generate_series(1, 1001)))) ->> 'seq')::int AS seq;
SELECT t.error($$SELECT quire.query_docs(t.id(5510), '{"prefix": "many", "expand": ["/l"]}')$$), t.detail($$SELECT quire.query_docs(t.id(5510), '{"prefix": "many", "expand": ["/l"]}')$$) ->> 'limit' AS most;
-- what is deleted is not found, and what comes back is
SELECT quire.delete_doc(t.id(5510), 'many') ->> 'seq' AS seq, pg_temp.names('{"prefix": "many"}') AS found;
SELECT quire.delete_doc(t.id(5510), 'bob') ->> 'seq' AS seq, pg_temp.names('{"where": {"path": "/n", "lt": 5}}') AS found;
SELECT jsonb_path_query_array(r, '$.docs[*].value.of[1]') AS gone, r -> 'missing' -> 0 AS missing FROM quire.query_docs(t.id(5510), '{"prefix": "team/all", "expand": ["/of"]}') r;
SELECT quire.undo(t.id(5510)) ->> 'seq' AS seq, pg_temp.names('{"where": {"path": "/n", "lt": 5}}') AS found;
-- points in time
SELECT n AS at_seq, pg_temp.names(jsonb_build_object('at_seq', n, 'where', '{"path": "/n", "lt": 5}'::jsonb, 'sort', '[{"path": "/n"}]'::jsonb)) AS found FROM generate_series(0, 11) n;
SELECT (quire.put_doc(t.id(5510), 'ann', '{"n": 100}') ->> 'seq')::int AS now \gset
SELECT pg_temp.shown('{"prefix": "eve", "at_seq": 7, "expand": ["/up", "/list"], "depth": 2}') = pg_temp.shown('{"prefix": "eve", "expand": ["/up", "/list"], "depth": 2}') AS same_now, pg_temp.shown('{"prefix": "eve", "at_seq": 7, "expand": ["/up", "/list"], "depth": 2}') -> 0 -> 'up' -> 'list' -> 1 -> 't' AS then;
SELECT r -> 'seq' AS seq, r ->> 'checksum' = left(b.checksum, 16) AS same_checksum, r = quire.query_docs(t.id(5510), '{"at_seq": 3, "count": true}') AS same_at_time, r -> 'count' AS count
FROM quire.bundles b, quire.query_docs(t.id(5510), jsonb_build_object('at_time', to_char(b.committed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'count', true)) r WHERE b.project_id = t.id(5510) AND b.seq = 3;
SELECT r = quire.query_docs(t.id(5510), jsonb_build_object('at_seq', :now, 'count', true)) AS the_newest_is_now FROM quire.query_docs(t.id(5510), '{"count": true}') r;
-- how it is found: one statement, whatever is asked; an index says which documents there are
SELECT s ->> 'finds' AS finds, s -> 'indexes' AS indexes, s #> '{parameters,4}' AS jsonpath, s #> '{parameters,5}' AS vars, s #> '{parameters,6}' AS part, s -> 'plan' ->> 'Node Type' AS node FROM quire.explain_query(t.id(5510), '{"where": {"and": [{"path": "/t", "eq": "x'' OR true"}, {"path": "/n", "lt": 3}]}, "count": true}') r, jsonb_array_elements(r -> 'statements') s;
SELECT s ->> 'finds' AS finds, s -> 'indexes' ? 'doc_head_pkey' AS by_name FROM quire.explain_query(t.id(5510), '{"at_seq": 3}') r, jsonb_array_elements(r -> 'statements') s;
-- a branch: what was written on it, and what it has from main
SELECT quire.create_branch(t.id(5510), 'queried') ->> 'branch' AS none, (SELECT quire.put_doc(t.id(5510), 'only here', '{"n": 1000001}', 'queried') IS NOT NULL) AS put;
SELECT s ->> 'finds' AS finds, s -> 'indexes' AS indexes FROM quire.explain_query(t.id(5510), '{"branch": "queried"}') r, jsonb_array_elements(r -> 'statements') s;
SELECT b, jsonb_path_query_array(quire.query_docs(t.id(5510), jsonb_build_object('branch', b, 'where', jsonb '{"path": "/n", "gt": 1000000}')), '$.docs[*].doc') AS docs,
    quire.query_docs(t.id(5510), jsonb_build_object('branch', b, 'count', true, 'limit', 1)) -> 'count' AS count FROM unnest('{main,queried}'::text[]) b;
SELECT quire.delete_branch(t.id(5510), 'queried') IS NOT NULL AS deleted;
SELECT count(DISTINCT s ->> 'sql') AS statements FROM unnest(ARRAY['{}', '{"prefix": "a"}', '{"where": {"path": "/a", "lt": 1}}', '{"where": {"or": [{"path": "/b", "exists": true}, {"path": "/c", "eq": 1}]}, "limit": 3}']::jsonb[]) q, jsonb_array_elements(quire.explain_query(t.id(5510), q) -> 'statements') s;
-- what is no query, or asks for too much
SELECT q AS query, t.error(format('SELECT quire.query_docs(t.id(5510), %L)', q)) AS error, t.detail(format('SELECT quire.query_docs(t.id(5510), %L)', q)) ->> 'member' AS member FROM unnest(ARRAY[
    '[]', '1', '{"were": {}}', '{"where": {}}', '{"where": {"path": "/a"}}', '{"where": {"path": "a", "eq": 1}}', '{"where": {"path": "/a", "like": 1}}', '{"where": {"path": "/a", "lt": null}}', '{"where": {"path": "/a", "in": []}}', '{"where": {"and": []}}', '{"where": {"and": [{"path": "/a", "exists": 1}]}}', '{"where": {"path": "/a", "matches_schema": {}}}',
    '{"where": {"path": "/1/2/3/4/5", "eq": 1}}', '{"select": 1}', '{"select": ["a"]}', '{"sort": [{"path": "/01"}]}', '{"sort": [1]}', '{"sort": [{"path": "/a", "descending": true}]}', '{"limit": 0}', '{"limit": 1001}', '{"after": "AAAA"}', '{"count": 1}', '{"at_seq": 99}', '{"at_seq": -1}', '{"at_time": "x"}', '{"at_seq": 1, "at_time": "2026-01-01T00:00:00Z"}', '{"expand": "/a"}', '{"depth": 6}', '{"prefix": "a\nb"}', '{"branch": ""}', '{"branch": "side"}']::jsonb[]) q;
SELECT t.error(format('SELECT quire.query_docs(t.id(5510), %L)', q)) FROM (VALUES
    (jsonb_build_object('where', jsonb_build_object('path', '/a', 'in', (SELECT jsonb_agg(n) FROM generate_series(1, 1000) n)))),
    (jsonb_build_object('where', jsonb_build_object('or', (SELECT jsonb_agg('{"path": "/a", "eq": 1}'::jsonb) FROM generate_series(1, 200))))),
    (jsonb_build_object('select', (SELECT jsonb_agg('/a'::text) FROM generate_series(1, 1001)))),
    (jsonb_build_object('select', jsonb_build_array(repeat('/a', 33)))),
    (jsonb_build_object('sort', (SELECT jsonb_agg('{"path": "/a"}'::jsonb) FROM generate_series(1, 4)))),
    (jsonb_build_object('expand', (SELECT jsonb_agg('/a'::text) FROM generate_series(1, 11)))),
    ((repeat('{"where": {"not": ', 1) || repeat('{"not": ', 16) || '{"path": "/a", "eq": 1}' || repeat('}', 18))::jsonb)) q (q);
SELECT t.error(format('SELECT quire.%s', c)) FROM unnest(ARRAY['query_docs(NULL, ''{}'')', 'query_docs(t.id(5510), NULL)', 'explain_query(NULL, ''{}'')', 'explain_query(t.id(5510), NULL)', 'explain_query(t.id(5510), ''[]'')', 'explain_query(t.id(5510), ''{"x": 1}'')', 'explain_query(t.id(5510), ''{"branch": "side"}'')']) c;
-- keys and values that mean something elsewhere are keys and values
SELECT (quire.put_doc(t.id(5510), 'odd', '{"a/b": {"~": 1}, "\"$\n": "\"; --", "": {"": 2}, "@.type()": "$v0"}') ->> 'seq')::int AS seq;
SELECT c AS condition, pg_temp.names(jsonb_build_object('where', c)) AS holds FROM unnest(ARRAY['{"path": "/a~1b/~0", "eq": 1}', '{"path": "/\"$\n", "eq": "\"; --"}', '{"path": "//", "eq": 2}', '{"path": "/@.type()", "prefix": "$v"}', '{"path": "", "contains": {"\"$\n": "\"; --"}}', '{"path": "", "eq": {"a": 1}}']::jsonb[]) c;
-- readers ask, and nobody else
\c - postgres
SELECT quire.set_project_member(t.id(5510), t.actor('bob'), 'viewer');
\c - regress_bob
SELECT jsonb_array_length(quire.query_docs(t.id(5510), '{"limit": 2}') -> 'docs') AS docs, jsonb_array_length(quire.explain_query(t.id(5510), '{}') -> 'statements') AS statements;
BEGIN READ ONLY;
SELECT jsonb_array_length(quire.query_docs(t.id(5510), '{"limit": 2}') -> 'docs') AS docs, jsonb_array_length(quire.explain_query(t.id(5510), '{}') -> 'statements') AS statements, pg_current_xact_id_if_assigned() AS xid;
COMMIT;
\c - regress_carol
SELECT t.error(format('SELECT quire.%s', c)) FROM unnest(ARRAY['query_docs(t.id(5510), ''{}'')', 'query_docs(t.id(5510), ''[]'')', 'explain_query(t.id(5510), ''{}'')']) c;
-- By chance: what PostgreSQL finds in what is kept, and what is found where nothing is kept, or only some, or in the past, is the same; so are pages.
\c - postgres
SELECT quire.create_project('by chance', t.id(5511)) IS NOT NULL AS created;
CREATE FUNCTION pg_temp.dice(sides int) RETURNS int LANGUAGE sql AS $$ SELECT floor(random() * sides)::int $$;
CREATE FUNCTION pg_temp.value(depth int) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    CASE pg_temp.dice(CASE WHEN depth = 0 THEN 8 ELSE 13 END)
        WHEN 0 THEN RETURN ('[null, true, false]'::jsonb) -> pg_temp.dice(3);
        WHEN 1, 2 THEN RETURN to_jsonb(pg_temp.dice(4));
        WHEN 3 THEN RETURN ('[1.0, -1.5, 0.1, -0.0, 1e300, 5e-324, 9007199254740993, 9007199254740992, 18446744073709551615, 9223372036854775808, 9.223372036854776e18]'::jsonb) -> pg_temp.dice(11);
        WHEN 4, 5, 6 THEN RETURN ('["", "a", "ab", "A", "b", "é", "日本", "😀", "\"\\\n", "B"]'::jsonb) -> pg_temp.dice(10);
        WHEN 7 THEN RETURN jsonb_build_object('$ref', jsonb_build_object('doc', 'd' || pg_temp.dice(44)) || CASE pg_temp.dice(2) WHEN 0 THEN '{}' ELSE jsonb_build_object('path', ('{/a,/b,/a/b,""}'::text[])[1 + pg_temp.dice(4)]) END);
        WHEN 8, 9 THEN RETURN (SELECT COALESCE(jsonb_agg(pg_temp.value(depth - 1)), '[]') FROM generate_series(1, pg_temp.dice(4)));
        ELSE RETURN (SELECT COALESCE(jsonb_object_agg(('{a,b,c,a,b,c,0,1,a/b,~,"",$}'::text[])[1 + pg_temp.dice(12)], pg_temp.value(depth - 1)), '{}') FROM generate_series(1, pg_temp.dice(4)));
    END CASE;
END
$$;
CREATE FUNCTION pg_temp.path() RETURNS text LANGUAGE sql AS $$ SELECT ('{/a,/b,/c,/a,/b,/c,/0,/1,/a/b,/a/0,/a/0/b,/b/1/0,/c/a/c,/a~1b,/~0,/,/$,"",/b/0}'::text[])[1 + pg_temp.dice(19)] $$;
CREATE FUNCTION pg_temp.condition(depth int, docs jsonb[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    path  text := pg_temp.path();
    value jsonb := pg_temp.value(2);
    near  jsonb;
    op    text := ('{eq,eq,ne,lt,le,gt,ge,in,exists,prefix,contains,contains}'::text[])[1 + pg_temp.dice(12)];
BEGIN
    IF depth > 0 AND pg_temp.dice(2) = 0 THEN
        CASE pg_temp.dice(3)
            WHEN 0 THEN RETURN jsonb_build_object('and', (SELECT jsonb_agg(pg_temp.condition(depth - 1, docs)) FROM generate_series(0, pg_temp.dice(3))));
            WHEN 1 THEN RETURN jsonb_build_object('or', (SELECT jsonb_agg(pg_temp.condition(depth - 1, docs)) FROM generate_series(0, pg_temp.dice(3))));
            ELSE RETURN jsonb_build_object('not', pg_temp.condition(depth - 1, docs));
        END CASE;
    END IF;
    -- What some document has there, more often than not.
    near := docs[1 + pg_temp.dice(cardinality(docs))] #> (CASE path WHEN '' THEN '{}' WHEN '/' THEN ARRAY[''] ELSE string_to_array(replace(replace(substr(path, 2), '~1', '|'), '~0', '~'), '/') END);
    IF near IS NOT NULL AND pg_temp.dice(3) > 0 THEN
        value := near;
    END IF;
    IF op = 'in' THEN
        value := jsonb_build_array(pg_temp.value(1), value);
    ELSIF op = 'exists' THEN
        value := to_jsonb(pg_temp.dice(2) = 0);
    ELSIF op = 'prefix' THEN
        value := to_jsonb(left(CASE jsonb_typeof(value) WHEN 'string' THEN value #>> '{}' ELSE 'a' END, 1));
    ELSIF op IN ('lt', 'le', 'gt', 'ge') AND jsonb_typeof(value) NOT IN ('number', 'string') THEN
        value := ('[1, "a"]'::jsonb) -> pg_temp.dice(2);
    END IF;
    RETURN jsonb_build_object('path', path, op, value);
END
$$;
CREATE FUNCTION pg_temp.query(docs jsonb[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('where', pg_temp.condition(3, docs), 'count', true, 'prefix', ('{"",d,d1}'::text[])[1 + pg_temp.dice(3)])
        || CASE pg_temp.dice(3) WHEN 0 THEN '{}' ELSE jsonb_build_object('sort', (SELECT jsonb_agg(jsonb_build_object('path', pg_temp.path(), 'desc', pg_temp.dice(2) = 0)) FROM generate_series(0, pg_temp.dice(3)))) END
        || CASE pg_temp.dice(2) WHEN 0 THEN '{}' ELSE jsonb_build_object('select', jsonb_build_array(pg_temp.path(), pg_temp.path())) END
        || CASE pg_temp.dice(2) WHEN 0 THEN '{}' ELSE jsonb_build_object('expand', jsonb_build_array(pg_temp.path()), 'depth', 1 + pg_temp.dice(3)) END $$;
-- Every page of a query, one after the other.
CREATE FUNCTION pg_temp.answer(query jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    page jsonb;
    docs jsonb := '[]';
BEGIN
    LOOP
        page := quire.query_docs(t.id(5511), query);
        docs := docs || (page -> 'docs');
        EXIT WHEN page ->> 'next' IS NULL;
        query := query || jsonb_build_object('after', page ->> 'next');
    END LOOP;
    RETURN jsonb_build_object('docs', docs, 'count', page -> 'count');
END
$$;
CREATE TEMP TABLE kept (doc text COLLATE "C" PRIMARY KEY, tip jsonb);
SELECT extract(epoch FROM clock_timestamp())::bigint % 1000000 AS seed \gset
SELECT setseed(:seed / 1000000.0) IS NULL AS none;
CREATE TEMP TABLE asked (n int PRIMARY KEY, q jsonb, by_postgres jsonb, by_quire jsonb, by_both jsonb, in_the_past jsonb, by_pages jsonb);
SELECT count(quire.put_doc(t.id(5511), 'd' || n, (SELECT COALESCE(jsonb_object_agg(k, pg_temp.value(3)), '{}') FROM unnest('{a,b,c,0,1,a/b,~,"",$}'::text[]) k WHERE n > 0 AND random() < 0.4))) AS docs FROM generate_series(1, 40) n;
INSERT INTO kept SELECT doc, tip FROM quire_store.doc_head WHERE project_id = t.id(5511);
SELECT count(*) AS kept FROM kept WHERE tip IS NOT NULL;
INSERT INTO asked (n, q) SELECT n, pg_temp.query((SELECT array_agg(tip) FROM kept WHERE n > 0)) FROM generate_series(1, 150) n;
UPDATE asked SET by_postgres = pg_temp.answer(q), by_pages = pg_temp.answer(q || '{"limit": 3}'), in_the_past = pg_temp.answer(q || '{"at_seq": 40}');
UPDATE quire_store.doc_head SET tip = NULL WHERE project_id = t.id(5511) AND doc LIKE '%1';
UPDATE asked SET by_both = pg_temp.answer(q || '{"limit": 4}');
UPDATE quire_store.doc_head SET tip = NULL WHERE project_id = t.id(5511);
UPDATE asked SET by_quire = pg_temp.answer(q);
SELECT :seed AS seed, n, q FROM asked WHERE by_postgres IS DISTINCT FROM by_quire OR by_postgres IS DISTINCT FROM by_both OR by_postgres IS DISTINCT FROM in_the_past OR by_postgres IS DISTINCT FROM by_pages ORDER BY n LIMIT 3;
SELECT :seed AS seed, n, q FROM asked WHERE jsonb_array_length(by_postgres -> 'docs') IS DISTINCT FROM (by_postgres -> 'count')::int ORDER BY n LIMIT 3;
SELECT count(*) AS asked, count(*) FILTER (WHERE (by_quire -> 'docs')::text LIKE '%$ref%') > 5 AS some_refer, count(*) FILTER (WHERE (by_postgres -> 'count')::int BETWEEN 1 AND 39) > 30 AS some_find_some FROM asked;
-- a document that cannot be read is named, and a prefix leaves it out
CALL t.spoil($$UPDATE quire_store.doc_change SET bytes = set_byte(bytes, 20, 0) WHERE project_id = t.id(5511) AND doc_id = (SELECT doc_id FROM quire_store.doc_head WHERE project_id = t.id(5511) AND doc = 'd40')$$);
\c - postgres
SELECT t.error($$SELECT quire.query_docs(t.id(5511), '{"select": []}')$$), t.detail($$SELECT quire.query_docs(t.id(5511), '{"select": []}')$$) ->> 'doc' AS doc;
SELECT jsonb_array_length(quire.query_docs(t.id(5511), '{"prefix": "d1", "select": []}') -> 'docs') AS others;
-- what may be large: a page ends early, and goes on
SELECT quire.create_project('large', t.id(5512)) IS NOT NULL AS created;
SELECT count(quire.put_doc(t.id(5512), d, v)) AS docs FROM (VALUES ('big', jsonb_build_object('t', repeat('x', 400000))), ('r1', '{}'), ('r2', '{}'), ('r3', '{}')) v (d, v);
SELECT count(quire.put_doc(t.id(5512), 'r' || n, jsonb_build_object('n', n, 'l', (SELECT jsonb_agg('{"$ref": {"doc": "big", "path": "/t"}}'::jsonb) FROM generate_series(1, 50))))) AS docs FROM generate_series(1, 3) n;
SELECT jsonb_path_query_array(p, '$.docs[*].doc') AS first_page, length(p::text) > 19000000 AS is_large, p ->> 'next' IS NOT NULL AS goes_on, p -> 'count' AS count, jsonb_path_query_array(quire.query_docs(t.id(5512), jsonb_build_object('prefix', 'r', 'after', p ->> 'next')), '$.docs[*].doc') AS rest FROM quire.query_docs(t.id(5512), '{"count": true, "prefix": "r", "expand": ["/l"]}') p;
SELECT jsonb_path_query_array(quire.query_docs(t.id(5512), '{"select": ["/n", "/l/49"], "expand": ["/l"], "sort": [{"path": "/t"}, {"path": "/n", "desc": true}], "prefix": "r"}'), '$.docs[*].value."/n"') AS small_parts;
SELECT tip IS NULL AS not_kept FROM quire_store.doc_head WHERE project_id = t.id(5512) AND doc = 'big';
SET quire.max_doc_json_bytes = 100000;
SELECT t.error($$SELECT quire.query_docs(t.id(5512), '{}')$$), t.detail($$SELECT quire.query_docs(t.id(5512), '{}')$$) ->> 'doc' AS doc;
RESET quire.max_doc_json_bytes;
SELECT quire.delete_project(t.id(5510), 'queries') IS NOT NULL AS deleted, quire.delete_project(t.id(5511), 'by chance') IS NOT NULL AS deleted, quire.delete_project(t.id(5512), 'large') IS NOT NULL AS deleted;
