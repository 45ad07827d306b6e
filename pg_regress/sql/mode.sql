-- Mode bits: executables and symlinks.
SELECT quire.create_project('modes', t.id(500)) IS NOT NULL AS created;
SELECT o ->> 'status' AS status FROM jsonb_array_elements(quire.commit_bundle(t.id(500), '[
    {"op": "file.put", "file_path": "run.sh", "content": "#!/bin/sh", "mode": "100755"},
    {"op": "file.put", "file_path": "docs/readme", "content": "x"},
    {"op": "file.put", "file_path": "docs/link", "content": "readme", "mode": "120000"},
    {"op": "file.put", "file_path": "docs/up", "content": "../run.sh", "mode": "120000"}]') -> 'ops') o;
SELECT file_path, mode, size FROM quire.project_files_current WHERE project_id = t.id(500) ORDER BY file_path;
-- a put without a mode keeps it; a mode alone is a change
SELECT version FROM quire.upsert_project_file(t.id(500), 'run.sh', '#!/bin/bash');
SELECT mode FROM quire.read_project_file(t.id(500), 'run.sh');
SELECT o ->> 'version' AS version, o ->> 'status' AS status
FROM jsonb_array_elements(quire.commit_bundle(t.id(500), '[{"op": "file.put", "file_path": "run.sh", "content": "#!/bin/bash", "mode": "100644"}]') -> 'ops') o;
SELECT quire.diff_project_file(t.id(500), 'run.sh', 1, 3);
-- symlinks stay inside the project, also when they are moved or overwritten
SELECT t.error($$SELECT quire.commit_bundle(t.id(500), '[{"op": "file.put", "file_path": "l", "content": "../x", "mode": "120000"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(500), '[{"op": "file.put", "file_path": "l", "content": "/etc/passwd", "mode": "120000"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(500), '[{"op": "file.put", "file_path": "l", "content": "", "mode": "120000"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(500), '[{"op": "file.put", "file_path": "l", "content_base64": "/w==", "mode": "120000"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(500), '[{"op": "file.put", "file_path": "d/l", "content": "up/../../x", "mode": "120000"}]')$$);
SELECT t.error($$SELECT quire.move_project_file(t.id(500), 'docs/up', 'up')$$);
SELECT file_path FROM quire.move_project_file(t.id(500), 'docs/up', 'other/up');
-- writing over a link makes a file
SELECT version FROM quire.upsert_project_file(t.id(500), 'docs/link', 'text now');
SELECT mode, content FROM quire.read_project_file(t.id(500), 'docs/link');
-- unknown modes
SELECT t.error($$SELECT quire.commit_bundle(t.id(500), '[{"op": "file.put", "file_path": "l", "content": "x", "mode": "100600"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(500), '[{"op": "file.put", "file_path": "l", "content": "x", "mode": "160000"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(500), '[{"op": "file.put", "file_path": "l", "content": "x", "mode": 100644}]')$$);
-- restore brings the mode back
SELECT quire.restore_project(t.id(500), 1) ->> 'seq' AS seq;
SELECT file_path, mode FROM quire.project_files_current WHERE project_id = t.id(500) ORDER BY file_path;
