-- A role with pg_write_all_data may write to every table and sequence of quire, past the functions: row level security leaves it no
-- row, but no policy guards sequences. What it can do there is end every token; the guide says so.
\c - regress_alice
SELECT quire.create_project('kept', t.id(4400)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(4400), 'a', 'kept');
SELECT quire.mint_token(t.id(4400), '{project:read}', '1 hour') AS token \gset
\c - postgres
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_writer') THEN
        CREATE ROLE regress_writer LOGIN;
    END IF;
    GRANT pg_write_all_data TO regress_writer;
END
$$;
CREATE TEMP TABLE writable AS
SELECT c.oid::regclass::text AS name,
    (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = 1) AS first_column
FROM pg_class c WHERE c.relnamespace IN ('quire'::regnamespace, 'quire_store'::regnamespace) AND c.relkind IN ('r', 'v');
GRANT SELECT ON writable TO PUBLIC;
-- How many rows a statement has written, or the SQLSTATE.
CREATE FUNCTION pg_temp.written(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SET ROLE regress_writer;
-- no row is added, changed or removed; views refuse everything
SELECT pg_temp.written(format('INSERT INTO %s DEFAULT VALUES', name)) AS inserted, pg_temp.written(format('UPDATE %s SET %I = NULL', name, first_column)) AS updated,
    pg_temp.written(format('DELETE FROM %s', name)) AS deleted, pg_temp.written(format('TRUNCATE %s CASCADE', name)) AS truncated, count(*) > 4 AS some
FROM writable GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
-- it reads nothing, the sequences included
SELECT t.error('SELECT * FROM quire_store.secret'), t.error('SELECT last_value FROM quire_store.secret_half_1'), t.error('SELECT * FROM quire.bundles');
RESET ROLE;
SELECT last_value AS half FROM quire_store.secret_half_1 \gset
SET ROLE regress_guest;
SELECT quire.authenticate(:'token') IS NOT NULL AS before;
-- but a part of the half of every key that the server keeps is what it says, and no token counts any more
SET ROLE regress_writer;
SELECT setval('quire_store.secret_half_1', 1);
SET ROLE regress_guest;
SELECT t.error(format('SELECT quire.authenticate(%L)', :'token'));
-- the list says so, and new tokens have a new key
\c - regress_alice
SELECT status FROM quire.list_tokens(t.id(4400));
SELECT quire.mint_token(t.id(4400), '{project:read}', '1 hour') AS new_token \gset
SELECT status, count(*) FROM quire.list_tokens(t.id(4400)) GROUP BY 1 ORDER BY 1;
\c - regress_guest
SELECT quire.authenticate(:'new_token') IS NOT NULL AS new_one;
\c - postgres
SELECT count(DISTINCT key_id) AS keys FROM quire_store.token WHERE project_id = t.id(4400);
SELECT setval('quire_store.secret_half_1', :half) = :half AS set_back;
SET ROLE regress_guest;
SELECT quire.authenticate(:'token') IS NOT NULL AS set_back, t.error(format('SELECT quire.authenticate(%L)', :'new_token'));
RESET ROLE;
DELETE FROM quire_store.secret s WHERE s.halves_hash <> (
    SELECT sha256(s.half || int8send(a.last_value) || int8send(b.last_value) || int8send(c.last_value) || int8send(d.last_value))
    FROM quire_store.secret_half_1 a, quire_store.secret_half_2 b, quire_store.secret_half_3 c, quire_store.secret_half_4 d);
CALL t.drop(t.id(4400));
