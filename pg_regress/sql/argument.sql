-- Names: one word for one thing, and an error names an argument as its function does.
\c - postgres
CREATE TEMP VIEW argument AS
SELECT p.proname::text AS f, a.n, p.proargnames[a.n] AS name, format_type(a.type, NULL) AS type, a.n > p.pronargs - p.pronargdefaults AS has_default, p.proargnames[:p.pronargs] AS takes
FROM pg_proc p, unnest(p.proargtypes) WITH ORDINALITY a(type, n) WHERE p.pronamespace = 'quire'::regnamespace AND p.prokind = 'f';
CREATE TEMP VIEW result AS
SELECT p.proname::text AS f, p.proargnames[n] AS name FROM pg_proc p, generate_subscripts(p.proargmodes, 1) n
WHERE p.pronamespace = 'quire'::regnamespace AND p.proargmodes[n] IN ('o', 't');
-- what is an id says so, content is known by its content_hash, what is after a seq comes after_seq
SELECT f, name AS has_another_word FROM (SELECT f, name FROM argument UNION ALL SELECT f, name FROM result) n
WHERE name IN ('hash', 'job', 'upload', 'template', 'peer', 'since_seq', 'since_checksum', 'in_words') ORDER BY 1, 2;
-- as do members of results in JSON
SELECT p.proname AS f, m[1] AS has_another_word
FROM pg_proc p, regexp_matches(obj_description(p.oid, 'pg_proc'), '\m(hash|job|upload|template|peer|since_seq|in_words)\??: (?:uuid|text|integer)\M', 'g') m
WHERE p.pronamespace = 'quire'::regnamespace ORDER BY 1, 2;
-- one verb for one act: what is wrong is repaired or discarded, what is there is got, listed and deleted, what takes several calls begins, goes on and ends
SELECT p.proname AS has_another_verb FROM pg_proc p
WHERE p.pronamespace = 'quire'::regnamespace AND p.proname ~ '(mend|heal|reject)|^(drop|remove|start|stage|complete|fail|end)(_|$)' ORDER BY 1;
-- Each function is called with NULL and with bad values for each of its arguments in turn, with good ones for the others.
SELECT quire.create_project('arguments', t.id(5300)) IS NOT NULL AS created;
SELECT quire.create_project('library', t.id(5301), kind => 'library') IS NOT NULL AS created;
SELECT quire.commit_bundle(t.id(5300), '[{"op": "file.put", "file_path": "a", "content": "1"}]') ->> 'seq' AS seq;
CREATE TEMP TABLE good (name text PRIMARY KEY, value text);
INSERT INTO good VALUES ('project_uuid', 't.id(5300)'), ('library_uuid', 't.id(5301)'), ('template_id', 't.id(5300)'), ('p_file_path', '''a'''), ('from_path', '''a'''), ('to_path', '''b'''),
    ('content_hash', 'repeat(''0'', 64)'), ('sha256', 'repeat(''0'', 64)'), ('member', 't.actor(''bob'')'), ('role', '''viewer'''), ('media_type', '''a/b'''),
    ('abilities', '''{project:read}'''), ('ttl', '''1 hour'''), ('ops', '''[{"op": "file.delete", "file_path": "a"}]'''), ('files', '''[{"file_path": "a", "content": "2"}]'''),
    ('paths', '''{a}'''), ('changes', '''{"name": "x"}'''), ('schema', '''{}'''), ('have', '''{}'''), ('bundles', '''[]'''), ('source', '''pg_class'''), ('confirm_name', '''arguments'''),
    ('value', '''{"a": 1}'''), ('doc', 'quire.automerge_from_json(''{"a": 1}'')'), ('other', 'quire.automerge_from_json(''{"b": 1}'')'), ('automerge_apply.changes', 'quire.automerge_changes(quire.automerge_from_json(''{"c": 1}''))');
INSERT INTO good SELECT f || '.doc', '''d''' FROM argument WHERE name = 'doc' AND type = 'text';
INSERT INTO good VALUES ('apply_doc_changes.changes', 'ARRAY[t.first_change()]'), ('branch', '''main'''), ('path', '''/a'''), ('patch', '''[{"op": "add", "path": "/b", "value": 1}]'''), ('from_heads', '''{}'''), ('message', 'NULL'), ('state', 'NULL'),
    ('tx', 'jsonb_build_object(''writes'', jsonb_build_array(jsonb_build_object(''doc'', ''d'', ''changes'', jsonb_build_array(encode(t.first_change(), ''base64'')))))');
SELECT quire.put_doc(t.id(5300), 'd', '{"a": "text"}') ->> 'seq' AS seq;
CREATE TEMP TABLE good_of_type (type text PRIMARY KEY, value text);
INSERT INTO good_of_type VALUES ('text', '''x'''), ('uuid', 't.id(1)'), ('integer', '1'), ('bigint', '1'), ('jsonb', '''1'''), ('bytea', '''x'''), ('interval', '''1 hour'''),
    ('text[]', '''{x}'''), ('bytea[]', '''{x}'''), ('name', '''x'''), ('boolean', 'true');
CREATE TEMP TABLE bad (type text, value text);
INSERT INTO bad SELECT DISTINCT type, 'NULL' FROM argument UNION ALL VALUES
    ('text', ''''''), ('text', 'repeat(''x'', 70000)'), ('text', 'E''a\nb'''), ('integer', '-1'), ('bigint', '-1'), ('bigint', '9223372036854775807'), ('interval', '''-1 second'''),
    ('jsonb', '''"x"'''), ('jsonb', '''[]'''), ('jsonb', '''{}'''), ('uuid', '''00000000-0000-0000-0000-000000000000'''), ('text[]', '''{}'''), ('text[]', '''{NULL}'''), ('text[]', '''{""}'''),
    ('bytea', ''''''), ('bytea', '''x'''), ('bytea[]', '''{}'''), ('bytea[]', '''{NULL}'''), ('bytea[]', '''{x}''');
CREATE TEMP TABLE refused (f text, takes text[], argument text, value text, state text, message text, named text);
DO $$
DECLARE
    c record;
    msg text;
    state text;
    detail text;
BEGIN
    FOR c IN
        SELECT a.f, a.takes, a.name, b.value, format('SELECT quire.%I(%s)', a.f, string_agg(format('%I => %s', o.name,
            CASE WHEN o.n = a.n THEN b.value ELSE COALESCE(g.value, y.value) END), ', ' ORDER BY o.n)) AS statement
        FROM argument a JOIN bad b ON b.type = a.type JOIN argument o ON o.f = a.f AND (o.n = a.n OR NOT o.has_default)
        LEFT JOIN LATERAL (SELECT value FROM good WHERE name IN (o.name, o.f || '.' || o.name) ORDER BY length(name) DESC LIMIT 1) g ON true LEFT JOIN good_of_type y ON y.type = o.type
        GROUP BY a.f, a.takes, a.n, a.name, b.value ORDER BY a.f, a.n, b.value
    LOOP
        BEGIN
            EXECUTE c.statement;
            RAISE EXCEPTION 'accepted';
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
            INSERT INTO refused VALUES (c.f, c.takes, c.name, c.value, state, msg, CASE WHEN detail LIKE '{%' THEN detail::jsonb ->> 'argument' END);
        END;
    END LOOP;
END
$$;
-- what is named is an argument of the function
SELECT f, argument, value, named, message FROM refused WHERE named <> ALL (takes) ORDER BY 1, 2, 3;
-- also by the message alone
SELECT DISTINCT f, m[1] AS named, message FROM refused, regexp_match(message, '^(?:argument )?([a-z_]+) (?:must|is longer)\M') m WHERE m[1] <> ALL (takes) ORDER BY 1, 2, 3;
-- what may not be NULL is named, by both
SELECT f, argument, message, named FROM refused
WHERE state = '22004' AND value = 'NULL' AND (named IS DISTINCT FROM argument OR message <> format('argument %s must not be null', argument)) ORDER BY 1, 2;
-- all were looked at
SELECT count(DISTINCT f) > 100 AS functions, count(*) FILTER (WHERE state = '22004') > 200 AS without_value, count(*) FILTER (WHERE state = '22023' AND named IS NOT NULL) > 100 AS with_bad_value FROM refused;
SELECT DISTINCT f, argument FROM refused r WHERE value = 'NULL' AND argument = 'project_uuid' AND state <> '22004' ORDER BY 1;
-- a member of an argument is no argument
SELECT t.detail($$SELECT quire.commit_bundle(t.id(5300), '[{"op": "asset.put", "filename": "", "media_type": "a/b", "asset_type": "c", "content_base64": ""}]')$$);
SELECT t.detail($$SELECT quire.bulk_upsert_project_files(t.id(5300), '[{"file_path": "a", "content": "", "file_type": ""}]')$$);
SELECT t.detail($$SELECT quire.update_project(t.id(5300), '{"name": ""}')$$);
CALL t.drop(t.id(5300));
CALL t.drop(t.id(5301));
