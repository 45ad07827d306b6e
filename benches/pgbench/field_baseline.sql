-- One field of one of 500 entities. The same as field_quire.sql, but for the statement.
\set project :client_id % :projects
\set entity random(0, 499)
\set field random(0, 6)
\set edit random(1, 1000000000000000)
SELECT baseline.set_fields(md5(:project::text)::uuid, ARRAY['task'], ARRAY[:entity::text], ARRAY['f' || :field::text], ARRAY[to_jsonb('value ' || :edit::text)]);
