-- Templates, clones, libraries: projects made from others.
\c - regress_alice
CREATE FUNCTION pg_temp.state(project uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', (SELECT string_agg(file_path || '=' || COALESCE(content, '(binary)') || ' v' || version, ', ' ORDER BY file_path) FROM quire.list_current_files(project)),
        (SELECT string_agg(entity_type || '/' || entity_id || fields::text, ', ' ORDER BY entity_type, entity_id)
         FROM quire.list_entities_at(project, (quire.get_project(project) ->> 'seq')::bigint)))
$$;
-- of a project without its id: what the functions below return
CREATE FUNCTION pg_temp.about(project uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', p ->> 'name', p ->> 'kind', p ->> 'visibility', p ->> 'status', p ->> 'settings', p ->> 'role', 'seq ' || (p ->> 'seq'))
    FROM quire.get_project(project) p
$$;
SELECT quire.create_project('source', t.id(3700), 'private', '{"max_files": 10}') IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(3700), t.actor('bob'), 'viewer') ->> 'role' AS role;
SELECT quire.commit_bundle(t.id(3700), '[
    {"op": "file.put", "file_path": "a", "content": "1"},
    {"op": "file.put", "file_path": "bin/run", "content": "#!/bin/sh", "mode": "100755", "file_type": "script"},
    {"op": "file.put", "file_path": "bin/link", "content": "run", "mode": "120000"},
    {"op": "file.put", "file_path": "raw", "content_base64": "AP+A"},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "title", "value": "one"},
    {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "nothing", "value": null},
    {"op": "field.set", "entity_type": "task", "entity_id": "2", "field": "title", "value": {"b": 0.1}}]') ->> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(3700), '[
    {"op": "file.put", "file_path": "a", "content": "2"},
    {"op": "file.delete", "file_path": "raw"},
    {"op": "field.unset", "entity_type": "task", "entity_id": "1", "field": "nothing"},
    {"op": "entity.delete", "entity_type": "task", "entity_id": "2"}]') ->> 'seq' AS seq;
-- a template: now, and at a seq
SELECT quire.create_template(t.id(3700), 'now') AS template \gset
SELECT quire.create_template(t.id(3700), 'then', 1) AS then \gset
SELECT quire.create_template(t.id(3700), 'before', at_seq => 0) AS before \gset
SELECT pg_temp.about(:'template'), pg_temp.state(:'template');
SELECT pg_temp.about(:'then'), pg_temp.state(:'then');
SELECT pg_temp.about(:'before'), pg_temp.state(:'before') = '' AS is_empty;
SELECT kind, actor = t.actor('alice') AS by_alice, op_count, details = jsonb_build_object('from_project', t.id(3700), 'from_seq', seq) AS says_from
FROM quire.bundles WHERE project_id = :'then';
SELECT v.file_path, v.file_type, v.mode, v.is_binary, v.version, v.content_hash = o.content_hash AS same
FROM quire.project_files v JOIN quire.project_files o ON o.project_id = t.id(3700) AND o.file_path = v.file_path AND o.version = 1
WHERE v.project_id = :'then' ORDER BY v.file_path;
SELECT quire.read_project_file_bytes(:'then', 'raw') AS raw;
SELECT count(*) AS members FROM quire.list_project_members(:'template');
-- it does not change with its source, and changes like any project
SELECT version FROM quire.upsert_project_file(t.id(3700), 'a', '3');
SELECT version FROM quire.upsert_project_file(:'template', 'new', 'in the template');
SELECT pg_temp.state(:'template');
-- projects of a template; nobody else may see it
\c - regress_carol
SELECT t.error(format('SELECT quire.create_project_from_template(%L, ''x'')', :'template')) = t.error(format('SELECT quire.create_project_from_template(%L, ''x'')', t.id(999999)))
    AS hidden, regexp_replace(t.error(format('SELECT quire.create_project_from_template(%L, ''x'')', :'template')), '[0-9a-f-]{36}', 'ID') AS error;
\c - regress_alice
SELECT quire.update_project(:'template', '{"visibility": "public"}') ->> 'visibility' AS visibility;
SELECT quire.archive_project(:'template') ->> 'status' AS status;
\c - regress_carol
CREATE FUNCTION pg_temp.state(project uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', (SELECT string_agg(file_path || '=' || content || ' v' || version, ', ' ORDER BY file_path) FROM quire.list_current_files(project)),
        (SELECT string_agg(entity_id || fields::text, ', ') FROM quire.list_entities(project, 'task')))
$$;
SELECT quire.create_project_from_template(:'template', 'of carol') AS made \gset
SELECT p ->> 'kind' AS kind, p ->> 'role' AS role, p ->> 'status' AS status, p ->> 'visibility' AS visibility, p -> 'settings' AS settings, pg_temp.state(:'made')
FROM quire.get_project(:'made') p;
SELECT version FROM quire.upsert_project_file(:'made', 'a', 'mine now');
SELECT t.error(format('SELECT quire.upsert_project_file(%L, ''a'', ''x'')', :'template'));
-- a private project may be copied by whoever may read it, and by nobody else
SELECT t.error($$SELECT quire.clone_project(t.id(3700), 'x')$$);
SELECT t.error($$SELECT quire.create_template(t.id(3700), 'x')$$);
\c - regress_bob
SELECT quire.clone_project(t.id(3700), 'of bob') AS clone \gset
SELECT p ->> 'kind' AS kind, p ->> 'role' AS role, p ->> 'seq' AS seq, p -> 'settings' AS settings FROM quire.get_project(:'clone') p;
SELECT file_path, version, mode FROM quire.project_files_current WHERE project_id = :'clone' ORDER BY file_path;
SELECT count(*) AS differences FROM
    (SELECT file_path, content_hash, file_type, mode, size FROM quire.project_files_current WHERE project_id = :'clone') c
    FULL JOIN (SELECT file_path, content_hash, file_type, mode, size FROM quire.project_files_current WHERE project_id = t.id(3700)) s ON c = s
    WHERE c IS NULL OR s IS NULL;
SELECT t.error(format('SELECT quire.create_project_from_template(%L, ''x'')', :'clone'));
-- nobody cannot own a copy, of whatever they may read
\c - regress_nobody
SELECT t.error(format('SELECT quire.create_project_from_template(%L, ''x'')', :'template'));
SELECT t.error(format('SELECT quire.clone_project(%L, ''x'')', :'template'));
SELECT t.error(format('SELECT quire.create_template(%L, ''x'')', :'template'));
-- bad arguments
\c - regress_alice
SELECT t.error($$SELECT quire.create_template(NULL, 'x')$$);
SELECT t.error($$SELECT quire.create_template(t.id(3700), NULL)$$);
SELECT t.error($$SELECT quire.create_template(t.id(3700), ' ')$$);
SELECT t.error($$SELECT quire.create_template(t.id(3700), 'x', 99)$$);
SELECT t.error($$SELECT quire.create_template(t.id(3700), 'x', -1)$$);
SELECT t.error($$SELECT quire.create_project_from_template(NULL, 'x')$$);
SELECT t.error(format('SELECT quire.create_project_from_template(%L, NULL)', :'template'));
SELECT t.error($$SELECT quire.create_project_from_template(t.id(3700), 'x')$$);
SELECT t.error($$SELECT quire.clone_project(NULL, 'x')$$);
SELECT t.error($$SELECT quire.clone_project(t.id(3700), NULL)$$);
SELECT t.error($$SELECT quire.clone_project(t.id(3700), repeat('x', 256))$$);
-- limits are those of the copy, which has the settings of its source as they are now
SELECT quire.update_project(t.id(3700), '{"settings": {"max_file_bytes": 8}}') -> 'settings' AS settings;
SELECT t.error($$SELECT quire.clone_project(t.id(3700), 'x')$$);
SELECT quire.update_project(t.id(3700), '{"settings": {"max_file_bytes": null, "max_files": 2}}') -> 'settings' AS settings;
SELECT t.error($$SELECT quire.clone_project(t.id(3700), 'x')$$);
SELECT count(*) AS left_behind FROM quire.list_projects() WHERE name = 'x';

-- Libraries.
SELECT quire.create_project('library', t.id(3701), kind => 'library') IS NOT NULL AS created;
SELECT t.error($$SELECT quire.create_project('x', kind => 'template')$$);
SELECT t.error($$SELECT quire.create_project('x', kind => 'overlay')$$);
SELECT t.error($$SELECT quire.create_project('x', kind => NULL)$$);
SELECT quire.commit_bundle(t.id(3701), '[
    {"op": "file.put", "file_path": "brand/logo.svg", "content": "<svg/>"},
    {"op": "file.put", "file_path": "brand/logo link", "content": "logo.svg", "mode": "120000"},
    {"op": "file.put", "file_path": "brand.txt", "content": "not in brand/"},
    {"op": "file.put", "file_path": "prompt.md", "content": "be kind"},
    {"op": "field.set", "entity_type": "preset", "entity_id": "warm", "field": "hue", "value": 30},
    {"op": "field.set", "entity_type": "preset", "entity_id": "warm", "field": "name", "value": "Warm"},
    {"op": "field.set", "entity_type": "preset", "entity_id": "cold", "field": "hue", "value": 200}]') ->> 'seq' AS seq;
SELECT quire.create_project('film', t.id(3702)) IS NOT NULL AS created;
SELECT quire.commit_bundle(t.id(3702), '[
    {"op": "file.put", "file_path": "prompt.md", "content": "own"},
    {"op": "field.set", "entity_type": "preset", "entity_id": "warm", "field": "hue", "value": 1},
    {"op": "field.set", "entity_type": "preset", "entity_id": "warm", "field": "extra", "value": 1}]') ->> 'seq' AS seq;
CREATE FUNCTION pg_temp.state(project uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', (SELECT string_agg(file_path || '=' || content || ' v' || version, ', ' ORDER BY file_path) FROM quire.list_current_files(project)),
        (SELECT string_agg(entity_id || fields::text, ', ' ORDER BY entity_id) FROM quire.list_entities(project, 'preset')))
$$;
SELECT r ->> 'seq' AS seq, r -> 'ops' AS ops FROM quire.import_from_library(t.id(3702), t.id(3701), '{brand/,prompt.md}', '[{"entity_type": "preset", "entity_id": "warm"}]', t.id(1)) r;
SELECT pg_temp.state(t.id(3702));
SELECT kind, op_count, details = jsonb_build_object('from_project', t.id(3701), 'from_seq', 1) AS says_from FROM quire.bundles WHERE project_id = t.id(3702) AND seq = 2;
-- sent twice, it happens once, whatever has become of the library
SELECT version FROM quire.delete_project_file(t.id(3701), 'prompt.md');
SELECT quire.import_from_library(t.id(3702), t.id(3701), '{brand/,prompt.md}', '[{"entity_type": "preset", "entity_id": "warm"}]', t.id(1)) ->> 'seq' AS seq;
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{brand}', correlation_id => t.id(1))$$);
-- what is the same makes no version; all of it; it is an edit and can be undone
SELECT r ->> 'bundle_id' AS bundle FROM quire.import_from_library(t.id(3702), t.id(3701), '{brand/logo.svg,brand}') r;
SELECT r ->> 'seq' AS seq FROM quire.import_from_library(t.id(3702), t.id(3701), ARRAY[''], '[{"entity_type": "preset", "entity_id": "cold"}]') r;
SELECT pg_temp.state(t.id(3702));
SELECT quire.undo(t.id(3702)) ->> 'undoes_seq' AS undoes;
SELECT quire.undo(t.id(3702)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.state(t.id(3702));
-- refused, and then nothing is written
SELECT t.rows(t.id(3702)) AS before;
SELECT t.error($$SELECT quire.import_from_library(NULL, t.id(3701), '{brand}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), NULL, '{brand}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), NULL)$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{brand,NULL}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{brand}', NULL)$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{../brand}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{bran}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{brand,prompt.md}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{}', '{}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{}', '[{"entity_type": "preset"}]')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{}', '[{"entity_type": "preset", "entity_id": "hot"}]')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3700), '{a}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(999999), '{a}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3701), t.id(3701), '{brand}')$$);
SELECT version FROM quire.upsert_project_file(t.id(3701), 'prompt.md/x', 'a directory here');
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{prompt.md}')$$);
SELECT quire.update_project(t.id(3702), '{"settings": {"max_file_bytes": 4}}') -> 'settings' AS settings;
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{brand}')$$);
SELECT quire.update_project(t.id(3702), '{"settings": {"max_file_bytes": null, "max_files": 1}}') -> 'settings' AS settings;
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{brand}')$$);
SELECT quire.archive_project(t.id(3702)) ->> 'status' AS status;
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{brand}')$$);
SELECT t.rows(t.id(3702)) AS after;
-- an empty library lends nothing
SELECT quire.create_project('empty', t.id(3705), kind => 'library') IS NOT NULL AS created;
SELECT quire.import_from_library(t.id(3701), t.id(3705), ARRAY['']) -> 'ops' AS ops;
-- both sides count: the project of one, the library of another
SELECT quire.unarchive_project(t.id(3702)) ->> 'status' AS status;
SELECT quire.set_project_member(t.id(3702), t.actor('bob'), 'viewer') ->> 'role' AS role;
\c - regress_bob
SELECT quire.create_project('of bob', t.id(3703), kind => 'library') IS NOT NULL AS created;
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3703), '{a}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3703), t.id(3701), '{brand}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3703), t.id(3700), '{a}')$$);
\c - regress_carol
SELECT t.error($$SELECT quire.import_from_library(t.id(3702), t.id(3701), '{brand}')$$);

-- Exports and imports. What is in an archive is shown by the end-to-end tests.
\c - regress_bob
SELECT t.error($$SELECT quire.export_project(t.id(3700))$$);
\c - regress_carol
SELECT t.error($$SELECT quire.export_project(t.id(3700))$$);
\c - regress_alice
SELECT t.error($$SELECT quire.export_project(NULL)$$);
SELECT quire.tag_project(t.id(3700), 'v1', 1) AS tagged;
SELECT quire.create_project_snapshot(t.id(3700)) ->> 'seq' AS snapshot_of;
SELECT quire.undo(t.id(3700)) ->> 'undoes_seq' AS undoes;
CREATE TABLE pg_temp.archive AS SELECT quire.export_project(t.id(3700)) AS bytes;
SELECT substr(bytes, 1, 4) AS magic, bytes = quire.export_project(t.id(3700)) AS same_again FROM pg_temp.archive;
SELECT quire.import_project(bytes) AS copy FROM pg_temp.archive \gset
SELECT quire.import_project(bytes, 'renamed') AS renamed FROM pg_temp.archive \gset
SELECT p ->> 'name' AS name, p ->> 'kind' AS kind, p ->> 'visibility' AS visibility, p ->> 'role' AS role, p -> 'settings' AS settings, p ->> 'seq' AS seq
FROM unnest(ARRAY[:'copy', :'renamed']::uuid[]) c, quire.get_project(c) p;
SELECT seq, kind, op_count, undoes_seq, details -> 'imported' ->> 'kind' AS was, details -> 'imported' ->> 'author' AS author, details -> 'imported' ->> 'seq' AS was_seq
FROM quire.bundles WHERE project_id = :'copy' ORDER BY seq;
SELECT n AS seq, (SELECT jsonb_object_agg(file_path, content_hash) FROM quire.list_files_at(:'copy', n))
        IS NOT DISTINCT FROM (SELECT jsonb_object_agg(file_path, content_hash) FROM quire.list_files_at(t.id(3700), n)) AS same_files,
    (SELECT jsonb_object_agg(entity_id, fields) FROM quire.list_entities_at(:'copy', n))
        IS NOT DISTINCT FROM (SELECT jsonb_object_agg(entity_id, fields) FROM quire.list_entities_at(t.id(3700), n)) AS same_entities
FROM generate_series(0, 5) n;
SELECT tag, seq FROM quire.list_project_tags(:'copy');
SELECT count(*) AS members FROM quire.list_project_members(:'copy');
SELECT count(*) AS snapshots FROM quire.list_snapshots(:'copy');
SELECT seq, event FROM quire.poll_events(:'copy', 0, 10, false);
-- the past is the importer's: what was somebody's undo is an edit, too
SELECT quire.undo(:'copy') ->> 'undoes_seq' AS undoes;
-- values as deep as they may be
SELECT quire.create_project('deep', t.id(3704)) IS NOT NULL AS created;
SELECT quire.commit_bundle(t.id(3704), jsonb_build_array(jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', n::text, 'field', 'f',
    'value', (repeat('[', 100) || repeat(']', 100))::jsonb))) ->> 'seq' AS seq FROM generate_series(1, 2) n;
SELECT t.error($$SELECT quire.commit_bundle(t.id(3704), jsonb_build_array(jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', '1', 'field', 'f',
    'value', (repeat('[', 101) || repeat(']', 101))::jsonb)))$$);
SELECT quire.commit_bundle(t.id(3704), '[{"op": "entity.delete", "entity_type": "t", "entity_id": "1"}]') ->> 'seq' AS seq;
SELECT quire.import_project(quire.export_project(t.id(3704))) AS deep \gset
SELECT entity_id, fields = jsonb_build_object('f', (repeat('[', 100) || repeat(']', 100))::jsonb) AS same FROM quire.list_entities(:'deep', 't');
-- an empty project, and one of another kind
SELECT quire.import_project(quire.export_project(:'before'), 'of nothing') AS empty \gset
SELECT p ->> 'kind' AS kind, p ->> 'seq' AS seq FROM quire.get_project(:'empty') p;
-- refused, and then nothing is left
SELECT count(*) AS before FROM quire.list_projects() \gset
SELECT t.error($$SELECT quire.import_project(NULL)$$);
SELECT t.error($$SELECT quire.import_project(bytes, ' ') FROM pg_temp.archive$$);
SELECT t.error($$SELECT quire.import_project('')$$);
SELECT t.error($$SELECT quire.import_project('\x28b52ffd')$$);
SELECT t.error($$SELECT quire.import_project('\x504b0506000000000000000000000000000000000000')$$);
SELECT t.error($$SELECT quire.import_project(quire.read_snapshot(t.id(3700), snapshot_id)) FROM quire.list_snapshots(t.id(3700))$$);
SELECT t.error($$SELECT quire.import_project(set_byte(bytes, 200, get_byte(bytes, 200) # 1)) FROM pg_temp.archive$$) LIKE '22023 | ValidationError | the archive is damaged%' AS damaged;
SELECT t.error($$SELECT quire.import_project(substr(bytes, 1, 1000)) FROM pg_temp.archive$$) LIKE '22023 | ValidationError | the archive is damaged%' AS damaged;
SELECT count(*) - :before AS left_behind FROM quire.list_projects();
SELECT encode(bytes, 'base64') AS archive FROM pg_temp.archive \gset
\c - regress_nobody
SELECT t.error(format('SELECT quire.import_project(decode(%L, ''base64''))', :'archive'));
-- another person's project is imported as one's own
\c - regress_carol
SELECT quire.import_project(decode(:'archive', 'base64'), 'carol''s') AS carols \gset
SELECT DISTINCT b.actor = t.actor('carol') AS by_carol, b.details -> 'imported' ->> 'author' AS author FROM quire.bundles b WHERE project_id = :'carols';

-- Assets are copied like files and entities; what is archived stays so.
\c - regress_alice
CREATE FUNCTION pg_temp.assets(project uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', filename, media_type, asset_type, size, quire.get_asset(project, content_hash) ->> 'state'), ', ' ORDER BY filename)
    FROM quire.list_assets(project)
$$;
SELECT quire.create_project('brand', t.id(3706), kind => 'library') IS NOT NULL AS created;
SELECT quire.commit_bundle(t.id(3706), '[
    {"op": "file.put", "file_path": "a", "content": "shared"},
    {"op": "asset.put", "filename": "logo.png", "media_type": "image/png", "asset_type": "image", "content_base64": "iVBORw=="},
    {"op": "asset.put", "filename": "same.txt", "media_type": "text/plain", "asset_type": "note", "content_base64": "c2hhcmVk"}]') ->> 'seq' AS seq;
SELECT a ->> 'content_hash' AS cold FROM quire.put_asset(t.id(3706), 'cold.txt', 'cold', 'text/plain', 'note') a \gset
SELECT a ->> 'content_hash' AS old FROM quire.put_asset(t.id(3706), 'old.txt', 'old', 'text/plain', 'note') a \gset
SELECT quire.delete_asset(t.id(3706), :'old', 'outdated') ->> 'status' AS status;
SELECT content_hash AS logo FROM quire.list_assets(t.id(3706), 'image') \gset
SELECT quire.archive_blob(t.id(3706), :'cold', encode(sha256('cold'), 'hex')) ->> 'state' AS state;
SELECT quire.clone_project(t.id(3706), 'clone of brand') AS clone \gset
SELECT pg_temp.assets(:'clone'), pg_temp.assets(:'clone') = pg_temp.assets(t.id(3706)) AS same;
SELECT quire.read_asset_range(:'clone', :'logo') AS logo, quire.get_project(:'clone') -> 'asset_bytes' = quire.get_project(t.id(3706)) -> 'asset_bytes' AS same_bytes;
SELECT t.error(format('SELECT quire.read_asset_range(%L, %L)', :'clone', :'cold')) LIKE 'PT410 |%' AS archived;
SELECT quire.restore_blob(:'clone', :'cold', 'cold') ->> 'state' AS state;
SELECT pg_temp.assets(quire.create_template(t.id(3706), 'first', 1)), pg_temp.assets(quire.create_template(t.id(3706), 'third', 3));
SELECT pg_temp.assets(quire.create_project_from_template(quire.create_template(t.id(3706), 'now'), 'from a template'));
-- some of a library
SELECT quire.create_project('film', t.id(3707)) IS NOT NULL AS created;
SELECT r ->> 'seq' AS seq, r -> 'ops' AS ops FROM quire.import_from_library(t.id(3707), t.id(3706), '{}', assets => ARRAY[:'logo', :'cold']) r;
SELECT pg_temp.assets(t.id(3707));
SELECT r ->> 'bundle_id' AS bundle, r -> 'ops' -> 0 ->> 'status' AS status FROM quire.import_from_library(t.id(3707), t.id(3706), '{}', assets => ARRAY[:'logo']) r;
SELECT quire.undo(t.id(3707)) ->> 'undoes_seq' AS undoes;
SELECT pg_temp.assets(t.id(3707)) IS NULL AS none_left;
-- what is archived here comes back with what is there
SELECT quire.put_asset(t.id(3707), 'logo.png', '\x89504e47', 'image/png', 'image') ->> 'status' AS status;
SELECT quire.archive_blob(t.id(3707), :'logo', encode(sha256('\x89504e47'), 'hex')) ->> 'state' AS state;
SELECT r ->> 'bundle_id' AS bundle FROM quire.import_from_library(t.id(3707), t.id(3706), '{}', assets => ARRAY[:'logo']) r;
SELECT pg_temp.assets(t.id(3707));
SELECT t.error($$SELECT quire.import_from_library(t.id(3707), t.id(3706), '{}', assets => NULL)$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3707), t.id(3706), '{}', assets => '{NULL}')$$);
SELECT t.error($$SELECT quire.import_from_library(t.id(3707), t.id(3706), '{}', assets => '{x}')$$);
SELECT t.error(format('SELECT quire.import_from_library(t.id(3707), t.id(3706), ''{}'', assets => ARRAY[%L])', :'old')) LIKE 'PT404 |%no asset%' AS gone;
SELECT quire.update_project(t.id(3707), '{"settings": {"max_file_bytes": 2, "max_asset_bytes": 3}}') -> 'settings' AS settings;
SELECT t.error(format('SELECT quire.import_from_library(t.id(3707), t.id(3706), ''{}'', assets => ARRAY[%L])', :'cold'));
-- a past with assets, and with content that is gone, comes along
SELECT quire.upsert_project_file(t.id(3706), 'b', n::text) IS NOT NULL AS written FROM generate_series(1, 2) n;
SELECT quire.update_project(t.id(3706), '{"settings": {"retention_days": 0}}') -> 'settings' AS settings;
SELECT r -> 'collected' AS collected, r -> 'remaining' AS remaining FROM quire.gc_run(t.id(3706)) r;
SELECT quire.import_project(quire.export_project(t.id(3706))) AS copy \gset
SELECT pg_temp.assets(:'copy'), pg_temp.assets(:'copy') = pg_temp.assets(t.id(3706)) AS same;
SELECT quire.get_asset(:'copy', :'old') - ARRAY['actor', 'updated_at', 'checksum'] = quire.get_asset(t.id(3706), :'old') - ARRAY['actor', 'updated_at', 'checksum'] AS same, quire.get_asset(:'copy', :'old') ->> 'state' AS state;
SELECT t.error(format('SELECT quire.read_project_file(%L, ''b'', 1)', :'copy')) = t.error('SELECT quire.read_project_file(t.id(3706), ''b'', 1)') AS same_answer,
    t.error(format('SELECT quire.read_project_file(%L, ''b'', 1)', :'copy')) LIKE 'PT410 |%' AS collected;
SELECT count(*) AS differences FROM
    (SELECT seq, ordinal, op, target, before, after, checksum FROM quire.oplog WHERE project_id = :'copy') c
    FULL JOIN (SELECT seq, ordinal, op, target, before, after, checksum FROM quire.oplog WHERE project_id = t.id(3706)) s ON c = s
    WHERE c IS NULL OR s IS NULL;
SELECT quire.verify_project(:'copy') ->> 'is_sound' AS is_sound;
SELECT quire.restore_blob(:'copy', :'cold', 'cold') ->> 'state' AS state;
-- but nobody could tell where a link pointed to
SELECT quire.commit_bundle(t.id(3706), '[{"op": "file.put", "file_path": "link", "content": "b", "mode": "120000"}]') ->> 'seq' AS seq;
SELECT quire.delete_project_file(t.id(3706), 'link') IS NOT NULL AS deleted;
SELECT quire.gc_run(t.id(3706)) -> 'collected' AS collected;
SELECT t.error($$SELECT quire.import_project(quire.export_project(t.id(3706)))$$);
-- no advice to make copies smaller
SELECT quire.create_project('many', t.id(3708), kind => 'library') IS NOT NULL AS created;
SELECT quire.commit_bundle(t.id(3708), (SELECT jsonb_agg(jsonb_build_object('op', 'field.set', 'entity_type', 'n', 'entity_id', n::text, 'field', 'v', 'value', n))
    FROM generate_series(600 * m, 600 * m + 599) n)) ->> 'seq' AS seq FROM generate_series(0, 1) m;
SELECT quire.clone_project(t.id(3708), 'many more') AS many \gset
SELECT op_count FROM quire.bundles WHERE project_id = :'many';
