-- An error is catchable by its SQLSTATE, has JSON in DETAIL, and leaves the session healthy.
SELECT quire.create_project('errors', t.id(1700)) IS NOT NULL AS created;
\set VERBOSITY verbose
\set SHOW_CONTEXT never
SELECT version FROM quire.upsert_project_file(t.id(1700), 'a', 'x');
\set VERBOSITY default
SELECT quire.upsert_project_file(t.id(1700), 'a', 'y', expected_version => 7);
SELECT quire.upsert_project_file(t.id(1700), '../a', 'y');
SELECT quire.get_project(t.id(999999));
\set VERBOSITY terse
-- by SQLSTATE
DO $$
BEGIN
    PERFORM quire.upsert_project_file(t.id(1700), 'a', 'y', expected_version => 7);
EXCEPTION WHEN SQLSTATE 'PT409' THEN
    RAISE NOTICE 'caught %', SQLSTATE;
END
$$;
-- DETAIL is one JSON object with a code
DO $$
DECLARE detail text;
BEGIN
    PERFORM quire.get_project(t.id(999999));
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RAISE NOTICE '%', detail::jsonb;
END
$$;
-- many errors in one backend
DO $$
BEGIN
    FOR i IN 1 .. 20000 LOOP
        BEGIN
            PERFORM quire.read_project_file(t.id(1700), 'none');
        EXCEPTION WHEN SQLSTATE 'PT404' THEN
            NULL;
        END;
    END LOOP;
END
$$;
SELECT version FROM quire.upsert_project_file(t.id(1700), 'a', 'still here');
