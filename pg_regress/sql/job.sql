-- Jobs: staged over time, committed as one bundle or not at all.
\c - regress_alice
SELECT quire.create_project('jobs', t.id(3300)) IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(3300), t.actor('bob'), 'editor') ->> 'role' AS role;
SELECT quire.set_project_member(t.id(3300), t.actor('carol'), 'viewer') ->> 'role' AS role;
SELECT version FROM quire.upsert_project_file(t.id(3300), 'a', '1');

-- From beginning to end. What is staged is not seen.
SELECT quire.begin_job(t.id(3300), 'render') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', '[
    {"op": "file.put", "file_path": "out/1", "content": "one"},
    {"op": "field.set", "entity_type": "frame", "entity_id": "1", "field": "done", "value": true}]');
SELECT quire.append_job_ops(t.id(3300), :'job', '[
    {"op": "file.put", "file_path": "out/2", "content_base64": "AP8=", "file_type": "image/x"},
    {"op": "file.move", "from_path": "out/1", "to_path": "out/one"},
    {"op": "field.set", "entity_type": "frame", "entity_id": "1", "field": "size", "value": 12345678.25},
    {"op": "file.put", "file_path": "run", "content": "#!/bin/sh\n", "mode": "100755"}]');
SELECT t.rows(t.id(3300));
SELECT name, status, actor = t.actor('alice') AS mine, display_name, began_seq, leased_until - began_at > '4 minutes' AS leased, ended_at, op_count, op_bytes > 0 AS has_bytes, context, reason, seq, bundle_id
FROM quire.list_jobs(t.id(3300));
SELECT quire.heartbeat_job(t.id(3300), :'job', '1 hour') > clock_timestamp() + interval '59 minutes' AS extended;
-- a shorter one does not shorten it
SELECT quire.heartbeat_job(t.id(3300), :'job', '1 second') > clock_timestamp() + interval '59 minutes' AS extended;
SELECT quire.finish_job(t.id(3300), :'job', 'frames 1 and 2') AS receipt \gset
SELECT :'receipt'::jsonb - 'bundle_id' - 'checksum' - 'job_id' AS receipt, :'receipt'::jsonb ->> 'job_id' = :'job' AS of_job;
SELECT seq, kind, message, op_count, details ->> 'job' AS job, details ->> 'job_id' = :'job' AS of_job FROM quire.bundles WHERE project_id = t.id(3300) ORDER BY seq;
SELECT file_path, content, is_binary, mode, file_type FROM quire.project_files_current WHERE project_id = t.id(3300) ORDER BY file_path;
SELECT quire.get_entity(t.id(3300), 'frame', '1') - 'checksum' AS entity;
SELECT seq, event FROM quire.poll_events(t.id(3300));
-- again: the same answer, also with other arguments
SELECT quire.finish_job(t.id(3300), :'job') = :'receipt'::jsonb AS same, quire.finish_job(t.id(3300), :'job', 'other', 0) = :'receipt'::jsonb AS same_again;
SELECT t.rows(t.id(3300));
SELECT count(*) FROM quire.list_jobs(t.id(3300));
SELECT name, status, op_count, context -> 'counts' AS counts, ended_at > began_at AS ended, seq, bundle_id = (:'receipt'::jsonb ->> 'bundle_id')::uuid AS of_bundle FROM quire.list_jobs(t.id(3300), true);
-- nothing more happens to it
SELECT t.error(format('SELECT quire.append_job_ops(t.id(3300), %L, ''[{"op": "file.delete", "file_path": "a"}]'')', :'job'));
SELECT t.error(format('SELECT quire.heartbeat_job(t.id(3300), %L)', :'job'));
SELECT t.error(format('SELECT quire.cancel_job(t.id(3300), %L, ''late'')', :'job'));

-- No bundle when nothing was staged, or nothing changes; the message is the name by default.
SELECT quire.begin_job(t.id(3300), 'nothing') AS job \gset
SELECT r ->> 'seq' AS seq, r ->> 'bundle_id' AS bundle, r -> 'ops' AS ops FROM quire.finish_job(t.id(3300), :'job') r;
SELECT r ->> 'seq' AS seq, r ->> 'bundle_id' AS bundle, r -> 'ops' AS ops FROM quire.finish_job(t.id(3300), :'job') r;
SELECT quire.begin_job(t.id(3300), 'the same') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', '[{"op": "file.put", "file_path": "a", "content": "1"}]');
SELECT r ->> 'seq' AS seq, r ->> 'bundle_id' AS bundle, r -> 'ops' -> 0 ->> 'status' AS status FROM quire.finish_job(t.id(3300), :'job') r;
SELECT quire.begin_job(t.id(3300), 'named') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', '[{"op": "file.put", "file_path": "a", "content": "2"}]');
SELECT r ->> 'seq' AS seq FROM quire.finish_job(t.id(3300), :'job') r;
SELECT message FROM quire.bundles WHERE project_id = t.id(3300) AND seq = 3;
SELECT name, status, seq FROM quire.list_jobs(t.id(3300), true) ORDER BY name;
-- all in one transaction; and taken back
BEGIN;
SELECT quire.begin_job(t.id(3300), 'at once') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', '[{"op": "file.put", "file_path": "a", "content": "3"}]');
SELECT r ->> 'seq' AS seq FROM quire.finish_job(t.id(3300), :'job') r;
ROLLBACK;
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L)', :'job'));
SELECT t.rows(t.id(3300));

-- The last write wins, unless somebody says what they had seen.
SELECT quire.begin_job(t.id(3300), 'late') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', '[{"op": "file.put", "file_path": "a", "content": "late"},
    {"op": "file.put", "file_path": "b", "content": "late"}]');
SELECT version FROM quire.upsert_project_file(t.id(3300), 'a', 'meanwhile');
SELECT began_seq FROM quire.list_jobs(t.id(3300)) \gset
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L, base_seq => %L)', :'job', :'began_seq'));
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L, base_seq => 99)', :'job'));
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L, on_conflict => ''ignore'')', :'job'));
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L, on_conflict => NULL)', :'job'));
-- refused, it stays as it was
SELECT status, op_count FROM quire.list_jobs(t.id(3300));
SELECT r -> 'ops' AS ops FROM quire.finish_job(t.id(3300), :'job', base_seq => :began_seq, on_conflict => 'skip') r;
SELECT quire.begin_job(t.id(3300), 'stale') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', '[{"op": "file.put", "file_path": "c", "content": "x"}, {"op": "file.put", "file_path": "a", "content": "x", "expected_version": 1}]');
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L)', :'job'));
SELECT t.rows(t.id(3300));

-- A cancelled job leaves nothing but what it was about.
SELECT quire.cancel_job(t.id(3300), :'job', E'Traceback:\n  line 1');
SELECT status, reason, op_count, context, seq, bundle_id FROM quire.list_jobs(t.id(3300), true) WHERE name = 'stale';
SELECT t.rows(t.id(3300));
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L)', :'job'));
SELECT t.error(format('SELECT quire.append_job_ops(t.id(3300), %L, ''[{"op": "file.delete", "file_path": "a"}]'')', :'job'));
SELECT t.error(format('SELECT quire.heartbeat_job(t.id(3300), %L)', :'job'));
SELECT t.error(format('SELECT quire.cancel_job(t.id(3300), %L, ''again'')', :'job'));
\c - postgres
SELECT count(*) AS left_of_ended_jobs FROM quire_store.job_op WHERE project_id = t.id(3300);
\c - regress_alice

-- So does an expired one; nothing revives it.
SELECT quire.begin_job(t.id(3300), 'crashed') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', '[{"op": "file.put", "file_path": "c", "content": "x"}]');
\c - postgres
UPDATE quire_store.job SET leased_until = clock_timestamp() - interval '1 second' WHERE project_id = t.id(3300) AND name = 'crashed';
\c - regress_alice
SELECT t.error(format('SELECT quire.heartbeat_job(t.id(3300), %L)', :'job'));
SELECT t.error(format('SELECT quire.append_job_ops(t.id(3300), %L, ''[{"op": "file.delete", "file_path": "a"}]'')', :'job'));
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L)', :'job'));
SELECT name, status, ended_at, op_count, context FROM quire.list_jobs(t.id(3300));
-- whoever begins the next job drops its operations
SELECT quire.begin_job(t.id(3300), 'next') AS next \gset
\c - postgres
SELECT count(*) AS left_of_expired_jobs FROM quire_store.job_op WHERE project_id = t.id(3300);
-- and then it is not touched again, however many there are
BEGIN;
SELECT quire.begin_job(t.id(3300), 'one more') IS NOT NULL AS begun;
SELECT count(*) AS expired, bool_and(xmax <> pg_current_xact_id()::xid) AS untouched FROM quire_store.job
WHERE project_id = t.id(3300) AND ended_at IS NULL AND leased_until < clock_timestamp();
ROLLBACK;
-- also when the clock is set back
UPDATE quire_store.job SET leased_until = clock_timestamp() + interval '1 hour' WHERE project_id = t.id(3300) AND name = 'crashed';
\c - regress_alice
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L)', :'job'));
SELECT quire.cancel_job(t.id(3300), :'job', 'the machine was gone');
SELECT name, status, reason FROM quire.list_jobs(t.id(3300), true) WHERE name IN ('crashed', 'next') ORDER BY name;
SELECT t.rows(t.id(3300));

-- Shapes are checked when they are staged, and then nothing is.
\set job :next
SELECT t.error(format('SELECT quire.append_job_ops(t.id(3300), %L, %L)', :'job', ops)) FROM (VALUES
    ('{}'), ('[]'), ('[1]'), ('[{"op": "file.put", "file_path": "x", "content": "x"}, {"op": "file.put", "file_path": "y"}]'),
    ('[{"op": "file.delete", "file_path": "x"}, {"op": "file.delete", "file_path": 1}]'), ('[{"op": "file.delete", "file_path": "../x"}]'),
    ('[{"op": "file.delete", "file_path": "x", "force": true}]'), ('[{"op": "file.copy"}]'), ('[{"op": "file.put", "file_path": "x", "content_base64": "?"}]'),
    ('[{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f", "value": 9007199254740993}]'),
    ('[{"op": "field.set", "entity_type": "t", "entity_id": "1", "field": "f"}]')) v (ops);
SELECT t.error(format('SELECT quire.append_job_ops(t.id(3300), %L, NULL)', :'job'));
SELECT t.error($$SELECT quire.append_job_ops(t.id(3300), NULL, '[]')$$);
SELECT t.error($$SELECT quire.append_job_ops(NULL, t.id(1), '[]')$$);
SELECT t.error($$SELECT quire.begin_job(NULL, 'x')$$);
SELECT t.error($$SELECT quire.begin_job(t.id(3300), NULL)$$);
SELECT t.error($$SELECT quire.begin_job(t.id(3300), ' ')$$);
SELECT t.error($$SELECT quire.begin_job(t.id(3300), 'x', NULL)$$);
SELECT t.error($$SELECT quire.begin_job(t.id(3300), 'x', '0 seconds')$$);
SELECT t.error($$SELECT quire.begin_job(t.id(3300), 'x', '25 hours')$$);
SELECT t.error(format('SELECT quire.heartbeat_job(t.id(3300), %L, ''-1 second'')', :'job'));
SELECT t.error(format('SELECT quire.heartbeat_job(t.id(3300), %L, NULL)', :'job'));
SELECT t.error('SELECT quire.heartbeat_job(t.id(3300), NULL)');
SELECT t.error('SELECT quire.heartbeat_job(NULL, t.id(1))');
SELECT t.error('SELECT quire.finish_job(t.id(3300), NULL)');
SELECT t.error('SELECT quire.finish_job(NULL, t.id(1))');
SELECT t.error(format('SELECT quire.cancel_job(t.id(3300), %L, NULL)', :'job'));
SELECT t.error(format('SELECT quire.cancel_job(t.id(3300), %L, repeat(''x'', 65537))', :'job'));
SELECT t.error($$SELECT quire.cancel_job(t.id(3300), NULL, 'x')$$);
SELECT t.error($$SELECT quire.cancel_job(NULL, t.id(1), 'x')$$);
SELECT t.error('SELECT * FROM quire.list_jobs(NULL)');
-- a job of another project is no job of this one
SELECT quire.create_project('other jobs', t.id(3301)) IS NOT NULL AS created;
SELECT t.error(format(f, 't.id(3301)', :'job')) AS error, t.error(format(f, 't.id(3301)', :'job')) = t.error(format(f, 't.id(3301)', t.id(1))) AS same_as_unknown
FROM (VALUES ('SELECT quire.append_job_ops(%s, %L, ''[{"op": "file.delete", "file_path": "a"}]'')'), ('SELECT quire.heartbeat_job(%s, %L)'),
    ('SELECT quire.finish_job(%s, %L)'), ('SELECT quire.cancel_job(%s, %L, ''x'')')) v (f);
SELECT op_count FROM quire.list_jobs(t.id(3300));
-- a large file is refused at once
SELECT quire.update_project(t.id(3300), '{"settings": {"max_file_bytes": 10}}') IS NOT NULL AS changed;
SELECT t.error(format('SELECT quire.append_job_ops(t.id(3300), %L, ''[{"op": "file.put", "file_path": "x", "content": "more than ten bytes"}]'')', :'job'));
SELECT quire.update_project(t.id(3300), '{"settings": {"max_file_bytes": null}}') IS NOT NULL AS changed;

-- Who may: whoever began it, and owners.
\c - regress_bob
SELECT t.error(format(f, :'job')) FROM (VALUES ('SELECT quire.append_job_ops(t.id(3300), %L, ''[{"op": "file.delete", "file_path": "a"}]'')'),
    ('SELECT quire.heartbeat_job(t.id(3300), %L)'), ('SELECT quire.finish_job(t.id(3300), %L)'), ('SELECT quire.cancel_job(t.id(3300), %L, ''x'')')) v (f);
SELECT name, status FROM quire.list_jobs(t.id(3300));
SELECT quire.begin_job(t.id(3300), 'of bob') AS of_bob \gset
SELECT quire.append_job_ops(t.id(3300), :'of_bob', '[{"op": "file.put", "file_path": "bob", "content": "x"}]');
\c - regress_carol
SELECT t.error($$SELECT quire.begin_job(t.id(3300), 'x')$$);
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L)', :'of_bob'));
SELECT count(*) FROM quire.list_jobs(t.id(3300));
\c - regress_alice
SELECT quire.append_job_ops(t.id(3300), :'of_bob', '[{"op": "file.put", "file_path": "alice", "content": "x"}]');
SELECT r ->> 'bundle_id' IS NOT NULL AS committed FROM quire.finish_job(t.id(3300), :'of_bob') r;
SELECT message, actor = t.actor('alice') AS by_who_finished FROM quire.bundles WHERE project_id = t.id(3300) ORDER BY seq DESC LIMIT 1;
-- an archived project: nothing begins, is added to or finished; what is finished answers
SELECT quire.archive_project(t.id(3300)) ->> 'status' AS status;
SELECT t.error($$SELECT quire.begin_job(t.id(3300), 'x')$$);
SELECT t.error(format('SELECT quire.append_job_ops(t.id(3300), %L, ''[{"op": "file.delete", "file_path": "a"}]'')', :'job'));
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L)', :'job'));
SELECT t.error(format('SELECT quire.heartbeat_job(t.id(3300), %L)', :'job'));
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L)', :'of_bob'));
SELECT t.error(format('SELECT quire.cancel_job(t.id(3300), %L, ''archived'')', :'job'));
SELECT quire.unarchive_project(t.id(3300)) ->> 'status' AS status;

-- A job holds no more than a bundle may.
\c - postgres
SET quire.max_bundle_ops = 3;
SELECT quire.begin_job(t.id(3300), 'large') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', '[{"op": "file.put", "file_path": "l/1", "content": "x"}, {"op": "file.put", "file_path": "l/2", "content": "x"}]');
SELECT t.error(format('SELECT quire.append_job_ops(t.id(3300), %L, ''[{"op": "file.delete", "file_path": "a"}, {"op": "file.delete", "file_path": "b"}]'')', :'job'));
SELECT t.error(format('SELECT quire.append_job_ops(t.id(3300), %L, ''[1, 2, 3, 4]'')', :'job'));
SELECT quire.append_job_ops(t.id(3300), :'job', '[{"op": "file.put", "file_path": "l/3", "content": "x"}]');
SELECT jsonb_array_length(r -> 'ops') AS ops FROM quire.finish_job(t.id(3300), :'job') r;
RESET quire.max_bundle_ops;
-- many operations bring no advice: a job is one bundle
SELECT quire.begin_job(t.id(3300), 'many') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', (SELECT jsonb_agg(jsonb_build_object('op', 'field.set', 'entity_type', 'n', 'entity_id', n::text, 'field', 'v', 'value', n)) FROM generate_series(1, 1001) n));
SELECT r ? 'advice' AS advised, jsonb_array_length(r -> 'ops') AS ops FROM quire.finish_job(t.id(3300), :'job') r;
SELECT context -> 'counts' AS counts, jsonb_array_length(context -> 'first') AS first FROM quire.list_jobs(t.id(3300), true) WHERE name = 'many';
SELECT r ? 'advice' AS advised FROM quire.commit_bundle(t.id(3300), (SELECT jsonb_agg(jsonb_build_object('op', 'entity.delete', 'entity_type', 'n', 'entity_id', n::text)) FROM generate_series(1, 1001) n), 'job_output') r;
-- content that several operations share, and content of more than one chunk
SELECT quire.begin_job(t.id(3300), 'shared') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', (SELECT jsonb_agg(jsonb_build_object('op', 'file.put', 'file_path', 'shared/' || n, 'content', repeat(md5((n % 2)::text), 50000))) FROM generate_series(1, 12) n));
SELECT r ->> 'bundle_id' IS NOT NULL AS committed FROM quire.finish_job(t.id(3300), :'job') r;
SELECT count(*), count(DISTINCT content_hash), sum(length(content)) FROM quire.list_current_files(t.id(3300), 'shared');

-- Deleted with its project.
SELECT quire.begin_job(t.id(3300), 'open') AS job \gset
SELECT quire.append_job_ops(t.id(3300), :'job', '[{"op": "file.delete", "file_path": "a"}]');
SELECT quire.delete_project(t.id(3300), 'jobs');
SELECT count(*) AS jobs FROM quire_store.job WHERE project_id = t.id(3300);
SELECT count(*) AS ops FROM quire_store.job_op WHERE project_id = t.id(3300);
SELECT t.error(format('SELECT quire.finish_job(t.id(3300), %L)', :'job'));
