-- Prints the pages of the reference after its introduction. Run by gen-docs.sh, with the variables places and examples: files of CSV.

-- pg_settings knows the settings once the library is loaded.
LOAD 'quire';
SET client_min_messages = warning;

CREATE TEMP TABLE chapter (position serial, domain text, title text, anchor text GENERATED ALWAYS AS (replace(lower(title), ' ', '-')) STORED,
    guides text[]);
INSERT INTO chapter (domain, title, guides) VALUES
    ('project', 'Projects', '{people,operations}'),
    ('people', 'People', '{people}'),
    ('file', 'Files', '{files}'),
    ('bundle', 'Bundles and the log', '{files,undo}'),
    ('entity', 'Entities', '{entities}'),
    ('asset', 'Assets', '{assets}'),
    ('doc', 'Documents', '{documents}'),
    ('branch', 'Branches of documents', '{documents}'),
    ('undo', 'Undo', '{undo}'),
    ('job', 'Jobs', '{jobs}'),
    ('event', 'Events', '{events}'),
    ('snapshot', 'Snapshots', '{snapshots}'),
    ('token', 'Tokens', '{tokens}'),
    ('workspace', 'Copies', '{workspaces}'),
    ('peer', 'Peers', '{peers}'),
    ('recovery', 'Corruption', '{recovery}'),
    ('gc', 'Collection', '{operations}');

CREATE TEMP TABLE place (domain text, f text PRIMARY KEY);
CREATE TEMP TABLE statement (n serial, page text, anchor text, sql text);
\set copy_places '\\copy place FROM ' :'places' ' CSV'
:copy_places
\set copy_examples '\\copy statement (page, anchor, sql) FROM ' :'examples' ' CSV'
:copy_examples

-- The parts of each description; pg_regress/sql/description.sql checks that all have this form.
CREATE TEMP TABLE described AS
SELECT p.proname::text AS f, p.oid, c.position AS chapter, c.guides, part[1] AS summary, part[2] AS who, part[3] AS token,
    part[4] AS arguments, part[5] AS returns, part[6] AS errors,
    CASE p.provolatile WHEN 'v' THEN 'volatile' WHEN 's' THEN 'stable' ELSE 'immutable' END AS volatility,
    CASE WHEN has_function_privilege('quire_guest', p.oid, 'EXECUTE') THEN 'quire_guest'
        WHEN has_function_privilege('quire_user', p.oid, 'EXECUTE') THEN 'quire_user' ELSE 'quire_admin' END AS role
FROM pg_proc p
LEFT JOIN place l ON l.f = p.proname
LEFT JOIN chapter c ON c.domain = l.domain
LEFT JOIN LATERAL regexp_matches(obj_description(p.oid, 'pg_proc'),
    E'^(.+)\n\nWho: ([^\n]+)\\.\nToken: ([^\n]+)\\.\nArguments:(.+)\nReturns: (.+)\nErrors:(\n- .+)$') part ON true
WHERE p.pronamespace = 'quire'::regnamespace;

-- The example of a function: the shortest statement of a guide of its chapter that calls it first, else of another page.
CREATE TEMP TABLE example AS
SELECT DISTINCT ON (d.f) d.f, s.page, s.anchor, s.sql
FROM described d JOIN statement s ON s.sql ~ ('\mquire\.' || d.f || '\(')
ORDER BY d.f, substring(s.sql FROM '\mquire\.(\w+)\(') <> d.f, NOT s.page = ANY (SELECT 'guide/' || g || '.md' FROM unnest(d.guides) g), s.n;

-- Nothing is left out silently.
DO $$
DECLARE
    missing text;
BEGIN
    SELECT string_agg(d.f || ' ' || what, ', ' ORDER BY d.f) INTO missing
    FROM described d CROSS JOIN LATERAL (VALUES
        (d.chapter IS NULL, 'is in no chapter'),
        (d.summary IS NULL, 'has no description of the usual form'),
        (NOT EXISTS (SELECT FROM example e WHERE e.f = d.f), 'has no example in the guides')) w (is_so, what)
    WHERE w.is_so;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'the reference would not be complete: %', missing;
    END IF;
END
$$;

-- Text as Markdown, with links to functions. These three are also words of English.
CREATE FUNCTION pg_temp.md(text text, self text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(replace(replace(text, '<', '&lt;'), '*', '\*'),
        (SELECT '\m(' || string_agg(f, '|') || ')\M' FROM described WHERE f NOT IN (self, 'undo', 'redo', 'repair')), '[`\1`](#\1)', 'g')
$$;
-- Entries of a list, with what they are about as code, and shapes of JSON as blocks.
CREATE FUNCTION pg_temp.list(part text, self text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(pg_temp.md(part, self),
        E'(^|\n)- ([^:\n]+): ', E'\\1- `\\2`: ', 'g'),
        E'((\n    [^\n]*)+)', E'\n\n  ```text\\1\n  ```\n', 'g'),
        E'\n    ', E'\n  ', 'g')
$$;
-- What a function returns: the shape of JSON as a block.
CREATE FUNCTION pg_temp.returned(part text, self text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.md(m[1], self) || COALESCE(E'\n\n```text\n' || regexp_replace(substring(m[2] FROM 2), E'(^|\n)    ', E'\\1', 'g') || E'\n```', '')
        || COALESCE(E'\n' || nullif(pg_temp.list(m[4], self), ''), '')
    FROM regexp_match(part, E'^((?:(?!\n    |\n- ).)+)((\n    [^\n]*)+)?((\n- .*)?)$') m
$$;
CREATE FUNCTION pg_temp.cell(text text) RETURNS text LANGUAGE sql AS $$ SELECT replace(replace(text, '|', '\|'), E'\n', ' ') $$;

-- Contents.
SELECT E'## Contents\n';
SELECT format('- [%s](#%s)', title, anchor) FROM chapter ORDER BY position;
SELECT E'- [Views](#views)\n- [Types](#types)\n- [Settings](#settings)\n';

SELECT E'## Index\n\n| function | what it does | who | role | token | volatility |\n|---|---|---|---|---|---|';
SELECT format('| [`%s`](#%s) | %s | %s | `%s` | %s | %s |', d.f, d.f,
    pg_temp.cell(replace(replace(substring(d.summary FROM '^(.*?\.)(?:\s|$)'), '<', '&lt;'), '*', '\*')), d.who, d.role, d.token, d.volatility)
FROM described d ORDER BY d.f COLLATE "C";
SELECT '';

-- Chapters: how a function is called, then its description.
SELECT CASE WHEN row_number() OVER (PARTITION BY d.chapter ORDER BY d.f COLLATE "C") = 1
        THEN format(E'## %s\n\nGuide: %s.\n\n', c.title,
            (SELECT string_agg(format('[%s](guide/%s.md)', g, g), ', ' ORDER BY n) FROM unnest(c.guides) WITH ORDINALITY u(g, n))) ELSE '' END
    || format(E'### %s\n\n%s\n\n```sql\nquire.%s(%s)\n    RETURNS %s\n```\n\n', d.f, pg_temp.list(d.summary, d.f), d.f, s.arguments, s.result)
    || format(E'| who | role | token | volatility |\n|---|---|---|---|\n| %s | `%s` | %s | %s |\n\n', d.who, d.role, d.token, d.volatility)
    || CASE WHEN d.arguments = ' none.' THEN '' ELSE format(E'**Arguments**\n%s\n\n', pg_temp.list(d.arguments, d.f)) END
    || format(E'**Returns** %s\n\n', pg_temp.returned(d.returns, d.f))
    || format(E'**Errors**\n%s\n\n', pg_temp.list(d.errors, d.f))
    || format(E'**Example**, from [%s](%s):\n\n```sql\n%s\n```\n',
        regexp_replace(e.page, '^.*/|\.md$', '', 'g'), e.page || COALESCE('#' || nullif(e.anchor, ''), ''), e.sql)
FROM described d
JOIN chapter c ON c.position = d.chapter
JOIN example e ON e.f = d.f
JOIN pg_proc p ON p.oid = d.oid
CROSS JOIN LATERAL (
    SELECT COALESCE(string_agg(E'\n    ' || concat_ws(' ', p.proargnames[a.n], format_type(a.type, NULL),
               'DEFAULT ' || regexp_replace(pg_get_function_arg_default(p.oid, a.n::int), '::[a-z ]+(\[\])?$', '')), ',' ORDER BY a.n) || E'\n', '') AS arguments,
        CASE WHEN p.proargmodes IS NULL THEN pg_get_function_result(p.oid)
            ELSE 'TABLE (' || (SELECT string_agg(E'\n        ' || p.proargnames[b.n] || ' ' || format_type(b.type, NULL), ',' ORDER BY b.n)
                FROM unnest(p.proallargtypes) WITH ORDINALITY b(type, n) WHERE p.proargmodes[b.n] IN ('o', 't')) || E'\n    )' END AS result
    FROM unnest(p.proargtypes) WITH ORDINALITY a(type, n)) s
ORDER BY d.chapter, d.f COLLATE "C";

SELECT E'## Views\n\nThey show what their reader may read, and nothing can be written through them.\n';
SELECT format(E'### View %s\n\n%s\n\n| column | type | meaning |\n|---|---|---|\n%s\n', c.relname, obj_description(c.oid, 'pg_class'),
    (SELECT string_agg(format('| `%s` | %s | %s |', a.attname, format_type(a.atttypid, a.atttypmod),
         pg_temp.cell(col_description(a.attrelid, a.attnum))), E'\n' ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0))
FROM pg_class c WHERE c.relnamespace = 'quire'::regnamespace AND c.relkind = 'v' ORDER BY c.relname COLLATE "C";

SELECT E'## Types\n';
SELECT format(E'### Type %s\n\n%s\n\n| column | type | meaning |\n|---|---|---|\n%s\n', c.relname, obj_description(c.reltype, 'pg_type'),
    (SELECT string_agg(format('| `%s` | %s | %s |', a.attname, format_type(a.atttypid, a.atttypmod),
         pg_temp.cell(col_description(a.attrelid, a.attnum))), E'\n' ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0))
FROM pg_class c WHERE c.relnamespace = 'quire'::regnamespace AND c.relkind = 'c' ORDER BY c.relname COLLATE "C";
SELECT format(E'### Type "%s"\n\n%s\n', t.typname, replace(obj_description(t.oid, 'pg_type'), '*', '\*'))
FROM pg_type t WHERE t.typnamespace = 'quire'::regnamespace AND t.typtype = 'd' ORDER BY t.typname COLLATE "C";

SELECT format(E'## Settings\n\n| setting | type | default | who may set it | meaning |\n|---|---|---|---|---|\n%s',
    string_agg(format('| `%s` | %s | %s | %s | %s |', name, vartype,
        pg_temp.cell(COALESCE(nullif(concat_ws(' ', nullif(boot_val, ''), unit), ''), '(empty)')),
        CASE context
            WHEN 'user' THEN 'everybody'
            WHEN 'superuser' THEN 'superusers'
            WHEN 'sighup' THEN 'configuration file, reload'
            WHEN 'postmaster' THEN 'configuration file, restart'
            ELSE context
        END,
        pg_temp.cell(concat_ws(' ', short_desc, extra_desc))), E'\n' ORDER BY name))
FROM pg_settings WHERE name LIKE 'quire.%'
HAVING count(*) > 0;
