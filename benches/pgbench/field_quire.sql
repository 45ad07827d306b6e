-- One field of one of 500 entities. The same as field_baseline.sql, but for the statement.
\set project :client_id % :projects
\set entity random(0, 499)
\set field random(0, 6)
\set edit random(1, 1000000000000000)
SELECT quire.commit_bundle(md5(:project::text)::uuid, jsonb_build_array(jsonb_build_object('op', 'field.set', 'entity_type', 'task', 'entity_id', :entity::text, 'field', 'f' || :field::text, 'value', 'value ' || :edit::text)));
