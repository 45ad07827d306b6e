-- Projects: create, read, change, archive, delete.
SELECT quire.create_project('first', t.id(100)) = t.id(100) AS created;
SELECT p - 'created_at' - 'updated_at' - 'created_by' AS project FROM quire.get_project(t.id(100)) p;
SELECT quire.create_project('public one', t.id(101), 'public', '{"max_files": 3, "broadcast": "off"}') IS NOT NULL AS created;
SELECT name, kind, visibility, status, role, seq FROM quire.list_projects() WHERE project_id IN (t.id(100), t.id(101));
SELECT quire.create_project('generated id') <> quire.create_project('generated id') AS differ;

-- bad arguments
SELECT t.error($$SELECT quire.create_project(NULL)$$);
SELECT t.error($$SELECT quire.create_project('')$$);
SELECT t.error($$SELECT quire.create_project('   ')$$);
SELECT t.error($$SELECT quire.create_project(E'a\nb')$$);
SELECT t.error($$SELECT quire.create_project(repeat('x', 256))$$);
SELECT t.error($$SELECT quire.create_project('x', t.id(100))$$);
SELECT t.error($$SELECT quire.create_project('x', visibility => 'secret')$$);
SELECT t.error($$SELECT quire.create_project('x', visibility => NULL)$$);
SELECT t.error($$SELECT quire.create_project('x', settings => NULL)$$);
SELECT t.error($$SELECT quire.create_project('x', settings => '[]')$$);
SELECT t.error($$SELECT quire.create_project('x', settings => '{"colour": "red"}')$$);
SELECT t.error($$SELECT quire.create_project('x', settings => '{"max_file_bytes": 0}')$$);
SELECT t.error($$SELECT quire.create_project('x', settings => '{"max_file_bytes": "10"}')$$);
SELECT t.error($$SELECT quire.create_project('x', settings => '{"broadcast": "loud"}')$$);
SELECT t.error($$SELECT quire.create_project('x', settings => '{"rate_limit": {"per_minute": 0, "burst": 1}}')$$);
SELECT t.error($$SELECT quire.get_project(NULL)$$);
SELECT t.error($$SELECT quire.get_project(t.id(999999))$$);

-- update
SELECT p ->> 'name' AS name, p ->> 'visibility' AS visibility, p -> 'settings' AS settings
FROM quire.update_project(t.id(100), '{"name": "renamed", "settings": {"max_files": 10}}') p;
SELECT p -> 'settings' AS settings FROM quire.update_project(t.id(100), '{"settings": {"broadcast": "off"}}') p;
SELECT p -> 'settings' AS settings FROM quire.update_project(t.id(100), '{"settings": {"max_files": null}}') p;
SELECT p ->> 'did' AS did FROM quire.update_project(t.id(100), '{"did": "did:key:z6MkosAEcwUjCjjBNxccbh8Nu4md8n7rymKwfLktpocGHeCY"}') p;
SELECT p ->> 'did' AS did FROM quire.update_project(t.id(100), '{"name": "renamed"}') p;
SELECT did, t.error(format('SELECT quire.update_project(t.id(100), %L)', jsonb_build_object('did', did)))
FROM unnest('{"\"\"",1,"\"did:key:z\"","\"did:web:example.org\"","\"did:key:z6MkosAEcwUjCjjBNxccbh8Nu4md8n7rymKwfLktpocGHe\""}'::jsonb[]) did;
-- also of an archived one it is taken away, and nothing else is done
SELECT quire.archive_project(t.id(100)) IS NOT NULL AS archived;
SELECT t.error($$SELECT quire.update_project(t.id(100), '{"did": null, "name": "other"}')$$);
SELECT p ->> 'did' AS did FROM quire.update_project(t.id(100), '{"did": null}') p;
SELECT quire.unarchive_project(t.id(100)) IS NOT NULL AS unarchived;
SELECT t.error($$SELECT quire.update_project(t.id(100), '{}')$$);
SELECT t.error($$SELECT quire.update_project(t.id(100), '{"owner": "me"}')$$);
SELECT t.error($$SELECT quire.update_project(t.id(100), '{"name": 3}')$$);
SELECT t.error($$SELECT quire.update_project(t.id(100), '{"settings": {"nope": 1}}')$$);
SELECT t.error($$SELECT quire.update_project(t.id(100), NULL)$$);
SELECT t.error($$SELECT quire.update_project(t.id(999999), '{"name": "x"}')$$);

-- archived = read only
SELECT version FROM quire.upsert_project_file(t.id(100), 'a.txt', 'kept');
SELECT quire.archive_project(t.id(100)) ->> 'status' AS status;
SELECT t.error($$SELECT quire.upsert_project_file(t.id(100), 'a.txt', 'changed')$$);
SELECT t.error($$SELECT quire.delete_project_file(t.id(100), 'a.txt')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(100), '[{"op": "file.delete", "file_path": "a.txt"}]')$$);
SELECT t.error($$SELECT quire.restore_project(t.id(100), 0)$$);
SELECT t.error($$SELECT quire.tag_project(t.id(100), 'v1')$$);
SELECT t.error($$SELECT quire.update_project(t.id(100), '{"name": "x"}')$$);
SELECT content FROM quire.list_current_files(t.id(100));
SELECT quire.unarchive_project(t.id(100)) ->> 'status' AS status;
SELECT version FROM quire.upsert_project_file(t.id(100), 'a.txt', 'changed');
SELECT t.error($$SELECT quire.archive_project(NULL)$$);
SELECT t.error($$SELECT quire.unarchive_project(t.id(999999))$$);

-- delete
SELECT t.error($$SELECT quire.delete_project(t.id(100), 'first')$$);
SELECT t.error($$SELECT quire.delete_project(t.id(100), NULL)$$);
SELECT quire.delete_project(t.id(100), 'renamed');
SELECT t.error($$SELECT quire.get_project(t.id(100))$$);
SELECT t.rows(t.id(100));
SELECT t.error($$SELECT quire.delete_project(t.id(100), 'renamed')$$);
