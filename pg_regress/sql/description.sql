-- What descriptions say of functions: one form for all, which ./dev docs reads, and nothing that the catalog or the list of errors contradicts.
\c - postgres
CREATE TEMP VIEW description AS
SELECT p.proname AS f, p.oid, part[1] AS summary, part[2] AS who, part[3] AS token, part[4] AS arguments, part[5] AS returns, part[6] AS errors,
    array(SELECT p.proargnames[n] FROM generate_subscripts(p.proargnames, 1) n WHERE COALESCE(p.proargmodes[n], 'i') IN ('i', 'b')) AS takes,
    array(SELECT p.proargnames[n] FROM generate_subscripts(p.proargmodes, 1) n WHERE p.proargmodes[n] IN ('o', 'b', 't')) AS gives
FROM pg_proc p LEFT JOIN LATERAL regexp_matches(obj_description(p.oid, 'pg_proc'),
    E'^(.+)\n\nWho: ([^\n]+)\\.\nToken: ([^\n]+)\\.\nArguments:(.+)\nReturns: (.+)\nErrors:(\n- .+)$') part ON true
WHERE p.pronamespace = 'quire'::regnamespace;
-- One entry of a part: what it is about, and what is said of it. It goes on in lines that are indented by two; four are the shape of JSON.
CREATE FUNCTION pg_temp.entries(part text) RETURNS TABLE (n bigint, about text, words text) LANGUAGE sql AS $$
    SELECT ordinality, m[1], m[2] FROM regexp_matches(part, E'\n- ([^:\n]+): ((?:[^\n]|\n  [^ ]|\n    )+)', 'g') WITH ORDINALITY m(m, ordinality)
$$;
-- each has the form, and no line is lost in it
SELECT f AS without_form FROM description WHERE summary IS NULL ORDER BY f;
SELECT f, line AS stray FROM description, regexp_split_to_table(arguments || errors, E'\n') line
WHERE line !~ '^(- [^:]+: .*|  [^ ].*|    .*|)$' AND arguments || errors <> ' none.' || errors ORDER BY f;
SELECT f, line AS stray FROM description, regexp_split_to_table(returns, E'\n') WITH ORDINALITY l(line, n)
WHERE n > 1 AND line !~ '^(- \w+: .*|  [^ ].*|    .*)$' ORDER BY f;
SELECT f, line AS too_long FROM description, regexp_split_to_table(obj_description(oid, 'pg_proc'), E'\n') line WHERE length(line) > 120 ORDER BY f;
-- its arguments, all of them, in their order
SELECT f, takes, said FROM description, LATERAL (SELECT COALESCE(array_agg(about ORDER BY n), '{}') AS said FROM pg_temp.entries(arguments)) s
WHERE takes IS DISTINCT FROM said OR (takes = '{}') <> (arguments = ' none.') ORDER BY f;
-- the columns of its rows, all of them, in their order
SELECT f, gives, said FROM description, LATERAL (SELECT COALESCE(array_agg(about ORDER BY n), '{}') AS said FROM pg_temp.entries(returns)) s
WHERE gives <> '{}' AND gives IS DISTINCT FROM said ORDER BY f;
-- of a result in JSON, members of its shape
SELECT f, about AS not_in_shape FROM description, pg_temp.entries(returns) WHERE gives = '{}' AND returns !~ (E'\n    [^\n]*\\m' || about || '\??:') ORDER BY f, about;
-- errors that there are, each with a reason, in the order of the codes, none twice; PT409 always with the reason that a program sees
SELECT f, about AS no_error FROM description, pg_temp.entries(errors), LATERAL (SELECT split_part(about, ' ', 1) AS code) c
WHERE about !~ '^[0-9A-Z]{5}( [a-z_]+)?$' OR code NOT IN (SELECT sqlstate FROM quire_store.error_codes() UNION VALUES ('25006'), ('40001'), ('42703'))
ORDER BY f;
SELECT f, about, words AS no_reason FROM description, pg_temp.entries(errors) WHERE words !~ '^(\S+\s+){2,}\S+\.$' ORDER BY f, about;
SELECT f, about AS twice FROM description, pg_temp.entries(errors) GROUP BY f, about HAVING count(*) > 1 ORDER BY f;
SELECT f, about AS without_reason FROM description, pg_temp.entries(errors) WHERE about = 'PT409' ORDER BY f;
SELECT f, array_agg(split_part(about, ' ', 1) ORDER BY n) AS out_of_order FROM description, pg_temp.entries(errors) GROUP BY f
HAVING array_agg(split_part(about, ' ', 1) ORDER BY n) <> array_agg(split_part(about, ' ', 1) ORDER BY split_part(about, ' ', 1) COLLATE "C", n) ORDER BY f;
-- who may call, in words that ./dev docs explains; guests call what a token allows, but for what reads a table or works on documents of the caller's
SELECT f, who FROM description
WHERE who NOT IN ('everybody', 'actors', 'readers', 'members', 'editors', 'makers and owners', 'owners', 'administrators', 'holders of the token') ORDER BY f;
SELECT f, token FROM description
WHERE token NOT IN ('none', 'any', 'project:read', 'events:read', 'snapshot:read', 'file:write', 'project:read and file:write', 'doc:read', 'doc:write', 'doc:read and doc:write',
    'file:write or doc:write', 'the token itself') ORDER BY f;
SELECT f, token, is_guests FROM description, has_function_privilege('quire_guest', oid, 'EXECUTE') is_guests
WHERE is_guests <> (token <> 'none') ORDER BY f;
SELECT f, who, is_users FROM description, has_function_privilege('quire_user', oid, 'EXECUTE') is_users
WHERE is_users <> (who <> 'administrators') ORDER BY f;
-- all were looked at
SELECT count(*) > 100 AS functions, sum((SELECT count(*) FROM pg_temp.entries(arguments))) > 300 AS arguments, sum((SELECT count(*) FROM pg_temp.entries(errors))) > 500 AS errors
FROM description;
-- each function is described in words of its own
SELECT array_agg(f ORDER BY f) AS alike FROM description GROUP BY summary HAVING count(*) > 1;
-- columns of views and of what functions return have descriptions
SELECT a.attrelid::regclass AS of, a.attname AS without_description FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'quire'::regnamespace AND a.attnum > 0 AND col_description(a.attrelid, a.attnum) IS NULL ORDER BY 1, 2;
-- sentences say who does what: none of these words, in descriptions of functions and columns, of settings, of reasons
SELECT of, m[1] AS word FROM (
    SELECT f::text AS of, obj_description(oid, 'pg_proc') AS words FROM description
    UNION ALL SELECT a.attrelid::regclass || '.' || a.attname, col_description(a.attrelid, a.attnum) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'quire'::regnamespace AND a.attnum > 0
    UNION ALL SELECT name, short_desc || ' ' || COALESCE(extra_desc, '') FROM pg_settings WHERE name LIKE 'quire.%'
    UNION ALL SELECT r::text, r::text FROM quire_store.error_reasons() r) d,
    regexp_matches(words, '\m(mend(?:s|ed|ing)?|heal(?:s|ed|ing)?|told|tells|deeds?|in words|what stands)\M', 'gi') m ORDER BY 1, 2;
