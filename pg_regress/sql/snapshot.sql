-- Snapshots: archives of a project, made once, read back, verified, restored. Ids and tokens are random: none is shown.
\set me :USER
SELECT quire.create_project('snapshots', t.id(2700)) IS NOT NULL AS created;
SELECT quire.create_project('copy', t.id(2701)) IS NOT NULL AS created;
-- whether two projects have the same files
PREPARE same(uuid, uuid) AS
SELECT count(*) FILTER (WHERE one.file_path IS NOT NULL AND other.file_path IS NOT NULL) AS same,
       string_agg(COALESCE(one.file_path, other.file_path), ' ' ORDER BY 1) FILTER (WHERE one.file_path IS NULL OR other.file_path IS NULL) AS different
FROM (SELECT file_path, content_hash, mode, size FROM quire.project_files_current WHERE project_id = $1) one
FULL JOIN (SELECT file_path, content_hash, mode, size FROM quire.project_files_current WHERE project_id = $2) other
    USING (file_path, content_hash, mode, size);

-- an empty project is an empty archive
SELECT r -> 'seq' AS seq, r -> 'file_count' AS files, r -> 'manifest' AS manifest, r -> 'deleted' AS deleted, r -> 'cached' AS cached, r ->> 'snapshot_id' AS empty
FROM quire.create_project_snapshot(t.id(2700)) r \gset empty_
\echo :empty_seq :empty_files :empty_manifest :empty_deleted :empty_cached
SELECT length(archive) AS size, encode(sha256(archive), 'hex') AS sha256 FROM quire.read_snapshot(t.id(2700), :'empty_empty') archive;
SELECT event, seq, payload - 'snapshot_id' - 'timestamp' - 'sender' - 'content_hash' AS payload FROM quire.poll_events(t.id(2700));

-- content of every kind: text, none, bytes, more than one chunk, executable, links, names
SELECT quire.commit_bundle(t.id(2700), '[
    {"op": "file.put", "file_path": "README", "content": "read me\n"},
    {"op": "file.put", "file_path": "empty", "content": ""},
    {"op": "file.put", "file_path": "bytes", "content_base64": "AAH/gA=="},
    {"op": "file.put", "file_path": "bin/run", "content": "#!/bin/sh\n", "mode": "100755"},
    {"op": "file.put", "file_path": "bin/link", "content": "../README", "mode": "120000"},
    {"op": "file.put", "file_path": "dir", "content": "a file for now"},
    {"op": "file.put", "file_path": "tree/a", "content": "a"},
    {"op": "file.put", "file_path": "tree/b", "content": "b"},
    {"op": "file.put", "file_path": "tree-", "content": "sorts between tree and tree/ in bytes"},
    {"op": "file.put", "file_path": "übung/日本 語.txt", "content": "名"},
    {"op": "file.put", "file_path": "-rf *; $(x) ''\"", "content": "quoted"}]') ->> 'seq' AS seq;
SELECT size, is_binary FROM quire.upsert_project_file_bytes(t.id(2700), 'large.bin', (SELECT string_agg(sha512(n::text::bytea), '') FROM generate_series(1, 49152) n));
SELECT size, is_binary FROM quire.upsert_project_file(t.id(2700), 'large.txt', repeat('all work and no play ', 150000));

-- made once; the second call finds it, and answers with another token
SELECT r - 'snapshot_id' - 'checksum' - 'created_at' - 'content_hash' - 'size' - 'token' - 'url' - 'expires_at' - 'manifest' AS made,
    (r ->> 'expires_at')::timestamptz BETWEEN now() + '14 minutes' AND now() + '16 minutes' AS expires, r ->> 'url' = '/rpc/download_snapshot?token=' || (r ->> 'token') AS is_url
FROM quire.create_project_snapshot(t.id(2700)) r;
SELECT r ->> 'snapshot_id' AS zip, r ->> 'token' AS token, r -> 'seq' AS seq, r -> 'cached' AS cached FROM quire.create_project_snapshot(t.id(2700)) r \gset
\echo :seq :cached
SELECT r ->> 'snapshot_id' AS tar, r ->> 'token' AS tar_token, r -> 'seq' AS seq, r -> 'cached' AS cached FROM quire.create_project_snapshot(t.id(2700), 'tar.zst') r \gset
\echo :seq :cached
SELECT r -> 'cached' AS cached FROM quire.create_project_snapshot(t.id(2700), 'tar.zst') r;
SELECT :'zip' <> :'tar' AS two;
SELECT f ->> 'file_path' AS file_path, f ->> 'size' AS size, f ->> 'version' AS version, f ->> 'file_type' AS file_type, f ->> 'mode' AS mode,
    f ->> 'content_hash' = (SELECT content_hash FROM quire.read_project_file(t.id(2700), f ->> 'file_path')) AS same_hash
FROM quire.get_snapshot_manifest(t.id(2700), :'zip') m, jsonb_array_elements(m -> 'manifest') WITH ORDINALITY AS e (f, n) ORDER BY n;
SELECT array(SELECT jsonb_object_keys(m) ORDER BY 1) AS members, m -> 'seq' AS seq FROM quire.get_snapshot_manifest(t.id(2700), :'zip') m;
SELECT seq, after_seq, format, size > 3000000 AS is_large, length(content_hash) AS hash, file_count, chunk_count > 3 AS has_chunks FROM quire.list_snapshots(t.id(2700));

-- whole, in chunks, and with the token: the same bytes, of the hash that was promised
SELECT quire.read_snapshot(t.id(2700), :'zip') = string_agg(quire.read_snapshot_chunk(t.id(2700), :'zip', n), '' ORDER BY n) AS same,
    min(length(quire.read_snapshot_chunk(t.id(2700), :'zip', n))) FILTER (WHERE n < chunk_count) AS chunk, sum(length(quire.read_snapshot_chunk(t.id(2700), :'zip', n))) = max(size) AS has_size
FROM quire.list_snapshots(t.id(2700)), generate_series(1, chunk_count) n WHERE snapshot_id = :'zip';
BEGIN;
SELECT quire.download_snapshot(:'token')::bytea = quire.read_snapshot(t.id(2700), :'zip') AS same;
SELECT replace(current_setting('response.headers'), :'zip', '<id>') AS headers;
SELECT quire.download_snapshot(:'tar_token')::bytea = quire.read_snapshot(t.id(2700), :'tar') AS same;
SELECT replace(current_setting('response.headers'), :'tar', '<id>') AS headers;
COMMIT;
SELECT quire.verify_snapshot(t.id(2700), :'zip') - 'snapshot_id' AS zip, quire.verify_snapshot(t.id(2700), :'tar') - 'snapshot_id' AS tar;

-- restored elsewhere they are the same tree
SELECT version FROM quire.upsert_project_file(t.id(2701), 'not in the archive', 'x');
SELECT r -> 'seq' AS seq, jsonb_array_length(r -> 'ops') AS ops FROM quire.restore_snapshot(t.id(2701), quire.read_snapshot(t.id(2700), :'zip')) r;
EXECUTE same(t.id(2700), t.id(2701));
SELECT r -> 'seq' AS seq, r -> 'bundle_id' AS bundle_id FROM quire.restore_snapshot(t.id(2701), quire.read_snapshot(t.id(2700), :'tar')) r;
SELECT quire.restore_project(t.id(2701), 0) -> 'seq' AS seq;
SELECT r -> 'seq' AS seq FROM quire.restore_snapshot(t.id(2701), quire.read_snapshot(t.id(2700), :'tar')) r;
EXECUTE same(t.id(2700), t.id(2701));
SELECT seq, kind, details - 'content_hash' AS details, length(details ->> 'content_hash') AS hash FROM quire.bundles WHERE project_id = t.id(2701) AND kind = 'import' ORDER BY seq;

-- a change makes a new one; older seqs have their own
SELECT version FROM quire.upsert_project_file(t.id(2700), 'README', 'second');
SELECT r -> 'seq' AS seq, r -> 'cached' AS cached, r -> 'file_count' AS files FROM quire.create_project_snapshot(t.id(2700)) r;
SELECT at_seq, r -> 'seq' AS seq, r -> 'cached' AS cached, r -> 'file_count' AS files, m -> 'seq' AS manifest_seq
FROM unnest(ARRAY[0, 1, 2, 4, 6]) at_seq, LATERAL quire.create_project_snapshot(t.id(2700), at_seq => at_seq) r, LATERAL quire.get_snapshot_manifest(t.id(2700), (r ->> 'snapshot_id')::uuid) m;
-- the log shows it, in one chain with everything else
SELECT seq, kind, op_count FROM quire.bundles WHERE project_id = t.id(2700) AND kind = 'system' ORDER BY seq;
SELECT seq, ordinal, op, target ~ '^[0-9a-f-]{36}$' AS is_id, before, array(SELECT jsonb_object_keys(after) ORDER BY 1) AS after FROM quire.oplog WHERE project_id = t.id(2700) AND op = 'snapshot.ready' ORDER BY seq LIMIT 1;
SELECT bool_and(prev_checksum = lag) AS chained, bool_and(seq = before + 1) AS gapless FROM (
    SELECT prev_checksum, lag(checksum, 1, repeat('0', 64)) OVER w, seq, lag(seq, 1, 0::bigint) OVER w AS before FROM quire.bundles WHERE project_id = t.id(2700) WINDOW w AS (ORDER BY seq)) chain;
SELECT seq, event, payload ->> 'format' AS format, payload ->> 'seq' AS snapshot_of FROM quire.poll_events(t.id(2700), 4) WHERE event = 'snapshot:ready';
-- for who waits for it
SELECT quire.create_subscription(t.id(2700), 'archiver', '{"events": ["snapshot:ready"]}');
SELECT count(*) AS events, bool_and(event = 'snapshot:ready') AS only_those FROM quire.poll_subscription(t.id(2700), 'archiver');
SELECT quire.delete_subscription(t.id(2700), 'archiver');
SELECT t.error($$SELECT quire.create_subscription(t.id(2700), 'x', '{"events": ["snapshot:gone"]}')$$);

-- deltas: of two states, the archive of the one and the delta make the other
SELECT quire.create_project('deltas', t.id(2702)) IS NOT NULL AS created;
SELECT quire.restore_snapshot(t.id(2702), quire.read_snapshot(t.id(2700), :'zip')) -> 'seq' AS seq;
SELECT quire.commit_bundle(t.id(2702), '[
    {"op": "file.delete", "file_path": "dir"},
    {"op": "file.put", "file_path": "dir/is/deep", "content": "a directory now"},
    {"op": "file.delete", "file_path": "tree/a"},
    {"op": "file.delete", "file_path": "tree/b"},
    {"op": "file.put", "file_path": "tree", "content": "a file now"},
    {"op": "file.move", "from_path": "bytes", "to_path": "moved/bytes"},
    {"op": "file.put", "file_path": "bin/run", "content": "#!/bin/sh\n", "mode": "100644"},
    {"op": "file.put", "file_path": "README", "content": "bin/run", "mode": "120000"},
    {"op": "file.put", "file_path": "bin/link", "content": "was a link", "mode": "100644"},
    {"op": "file.delete", "file_path": "empty"},
    {"op": "file.delete", "file_path": "übung/日本 語.txt"},
    {"op": "file.delete", "file_path": "-rf *; $(x) ''\""},
    {"op": "file.put", "file_path": "new", "content": ""}]') -> 'seq' AS seq;
SELECT format, r ->> 'after_seq' AS after_seq, r ->> 'seq' AS seq, r -> 'file_count' AS files, (SELECT string_agg(f ->> 'file_path', ' ' ORDER BY n) FROM jsonb_array_elements(r -> 'manifest') WITH ORDINALITY AS e (f, n)) AS manifest, r -> 'deleted' AS deleted
FROM unnest(ARRAY['zip', 'tar.zst']) format, LATERAL quire.create_project_snapshot(t.id(2702), format, after_seq => 1) r;
SELECT quire.verify_snapshot(t.id(2702), snapshot_id) - 'snapshot_id' AS verified FROM quire.list_snapshots(t.id(2702)) WHERE after_seq = 1;
SELECT quire.create_project('applied', t.id(2703)) IS NOT NULL AS created;
SELECT quire.restore_snapshot(t.id(2703), quire.read_snapshot(t.id(2700), :'zip')) -> 'seq' AS seq;
SELECT quire.restore_snapshot(t.id(2703), quire.read_snapshot(t.id(2702), snapshot_id)) -> 'seq' AS seq FROM quire.list_snapshots(t.id(2702)) WHERE after_seq = 1 AND format = 'zip';
EXECUTE same(t.id(2702), t.id(2703));
SELECT quire.restore_project(t.id(2703), 1) -> 'seq' AS seq;
SELECT quire.restore_snapshot(t.id(2703), quire.read_snapshot(t.id(2702), snapshot_id)) -> 'seq' AS seq FROM quire.list_snapshots(t.id(2702)) WHERE after_seq = 1 AND format = 'tar.zst';
EXECUTE same(t.id(2702), t.id(2703));
-- back again with a delta of the opposite way
SELECT quire.restore_project(t.id(2702), 1) -> 'seq' AS seq;
SELECT quire.create_project_snapshot(t.id(2702), after_seq => 4) ->> 'snapshot_id' AS back \gset
SELECT quire.restore_snapshot(t.id(2703), quire.read_snapshot(t.id(2702), :'back')) -> 'seq' AS seq;
EXECUTE same(t.id(2702), t.id(2703));
-- since the newest seq, which is after the last change of a file: nothing, and it can be applied
SELECT r ->> 'snapshot_id' AS nothing, r -> 'file_count' AS files, r -> 'deleted' AS deleted FROM quire.create_project_snapshot(t.id(2702), after_seq => 6) r \gset
\echo :files :deleted
SELECT quire.restore_snapshot(t.id(2703), quire.read_snapshot(t.id(2702), :'nothing')) -> 'bundle_id' AS bundle_id;
-- since 0 is everything, without deleting anything else
SELECT r -> 'file_count' AS files, r -> 'deleted' AS deleted, r -> 'after_seq' AS after_seq FROM quire.create_project_snapshot(t.id(2702), after_seq => 0) r;
-- what a delta says about itself is no file of the project, so the limits of files do not concern it
SELECT quire.create_project('small', id, settings => '{"max_file_bytes": 100, "max_project_bytes": 100}') = id AS created FROM unnest(ARRAY[t.id(2797), t.id(2798)]) id;
SELECT r -> 'success' AS success FROM quire.bulk_upsert_project_files(t.id(2797), (SELECT jsonb_agg(jsonb_build_object('file_path', format('%s/%s', n, repeat('a', 90)), 'content', n::text)) FROM generate_series(1, 20) n)) r;
SELECT r -> 'success' AS success FROM quire.bulk_delete_project_files(t.id(2797), (SELECT array_agg(format('%s/%s', n, repeat('a', 90))) FROM generate_series(2, 20) n)) r;
SELECT format, jsonb_array_length(quire.restore_snapshot(t.id(2798), quire.read_snapshot(t.id(2797), (older ->> 'snapshot_id')::uuid)) -> 'ops') AS restored,
    jsonb_array_length(quire.restore_snapshot(t.id(2798), quire.read_snapshot(t.id(2797), (delta ->> 'snapshot_id')::uuid)) -> 'ops') AS applied
FROM unnest(ARRAY['zip', 'tar.zst']) format, LATERAL quire.create_project_snapshot(t.id(2797), format, at_seq => 1) older, LATERAL quire.create_project_snapshot(t.id(2797), format, after_seq => 1) delta;
EXECUTE same(t.id(2797), t.id(2798));
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2702), after_seq => -1)$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2702), after_seq => 99)$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2702), at_seq => 1, after_seq => 2)$$);

-- arguments
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2700), 'rar')$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2700), '')$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2700), at_seq => -1)$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2700), at_seq => 999)$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2700), ttl => '0')$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2700), ttl => '-1 second')$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2700), ttl => '367 days')$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(999999))$$);
SELECT t.error($$SELECT quire.begin_session(t.id(2700), ttl => '367 days')$$);
SELECT t.error($$SELECT quire.begin_session(t.id(2700), format => 'rar')$$);
SELECT t.error($$SELECT quire.finish_session(t.id(2700), t.id(1))$$);
SELECT t.error(format('SELECT quire.read_snapshot_chunk(t.id(2700), %L, %s)', :'zip', n)) FROM unnest(ARRAY[0, -1, 99]) n;
CREATE TEMP TABLE call (statement text);
INSERT INTO call VALUES ('quire.read_snapshot(%s, %s)'), ('quire.read_snapshot_chunk(%s, %s, 1)'), ('quire.get_snapshot_manifest(%s, %s)'),
    ('quire.verify_snapshot(%s, %s)'), ('quire.delete_snapshot(%s, %s)'), ('quire.finish_session(%s, %s)');
SELECT statement, t.error('SELECT ' || format(statement, 't.id(2700)', 't.id(1)')) AS unknown, t.error('SELECT ' || format(statement, 't.id(2701)', quote_literal(:'zip'))) AS of_another,
    t.error('SELECT ' || format(statement, 'NULL', 't.id(1)')) AS no_project, t.error('SELECT ' || format(statement, 't.id(2700)', 'NULL')) AS no_id
FROM call ORDER BY statement;
SELECT t.error($$SELECT quire.create_project_snapshot(NULL)$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2700), NULL)$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2700), ttl => NULL)$$);
SELECT t.error($$SELECT * FROM quire.list_snapshots(NULL)$$);
SELECT t.error($$SELECT quire.download_snapshot(NULL)$$);
SELECT t.error($$SELECT quire.restore_snapshot(NULL, '')$$);
SELECT t.error($$SELECT quire.restore_snapshot(t.id(2700), NULL)$$);
SELECT t.error($$SELECT quire.plan_hydration(NULL, '{}')$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(2700), NULL)$$);
SELECT t.error($$SELECT quire.begin_session(NULL)$$);
SELECT t.error($$SELECT quire.begin_session(t.id(2700), NULL)$$);
SELECT t.error($$SELECT quire.begin_session(t.id(2700), format => NULL)$$);
SELECT t.error(format('SELECT quire.read_snapshot_chunk(t.id(2700), %L, NULL)', :'zip'));

-- hydration: what is missing or differs comes, what is too much goes, the rest stays
SELECT quire.create_project('hydration', t.id(2704)) IS NOT NULL AS created;
SELECT quire.commit_bundle(t.id(2704), '[{"op": "file.put", "file_path": "text", "content": "one"}, {"op": "file.put", "file_path": "bytes", "content_base64": "AP8="},
    {"op": "file.put", "file_path": "link", "content": "text", "mode": "120000"}, {"op": "file.put", "file_path": "é", "content": ""}]') -> 'seq' AS seq;
SELECT version FROM quire.upsert_project_file(t.id(2704), 'text', 'two');
SELECT jsonb_pretty(quire.plan_hydration(t.id(2704), '{}') - 'checksum') AS plan;
SELECT quire.plan_hydration(t.id(2704), jsonb_object_agg(file_path, content_hash)) - 'checksum' AS complete FROM quire.list_current_files(t.id(2704));
SELECT p -> 'seq' AS seq, p -> 'keep' AS keep, p -> 'delete' AS deletes, (SELECT jsonb_agg(f ->> 'file_path') FROM jsonb_array_elements(p -> 'put') f) AS puts
FROM (SELECT jsonb_object_agg(file_path, content_hash) AS have FROM quire.list_current_files(t.id(2704))) h,
    LATERAL (VALUES (quire.plan_hydration(t.id(2704), have, 1)), (quire.plan_hydration(t.id(2704), have, 0)), (quire.plan_hydration(t.id(2704), have || jsonb_build_object('gone', repeat('0', 64), '../x', repeat('0', 64)))),
        (quire.plan_hydration(t.id(2704), have || jsonb_build_object('text', repeat('0', 64)) - 'link'))) AS plan (p);
SELECT t.error($$SELECT quire.plan_hydration(t.id(2704), '[]')$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(2704), '"x"')$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(2704), 'null')$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(2704), '{"a": null}')$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(2704), '{"a": 1}')$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(2704), '{"a": "x"}')$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(2704), jsonb_build_object('a', repeat('A', 64)))$$) AS upper_case;
SELECT t.error($$SELECT quire.plan_hydration(t.id(2704), '{}', -1)$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(2704), '{}', 99)$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(999999), '{}')$$);
-- at most 32 MiB of content, also of content that is stored once
SELECT quire.create_project('much', t.id(2705)) IS NOT NULL AS created;
SELECT quire.bulk_upsert_project_files(t.id(2705), (SELECT jsonb_agg(jsonb_build_object('file_path', 'f' || n, 'content', repeat('x', 1000000))) FROM generate_series(1, 40) n)) ->> 'seq' AS seq;
SELECT count(*) FILTER (WHERE f ? 'content') AS sent, count(*) FILTER (WHERE f ? 'content_omitted') AS omitted FROM jsonb_array_elements(quire.plan_hydration(t.id(2705), '{}') -> 'put') f;

-- sessions: the files, the cursor, and a token for what happens next
SELECT s ->> 'SESSION_ID' AS session, s ->> 'REALTIME_TOKEN' AS realtime, substring(s ->> 'SNAPSHOT_URL' FROM 'token=(.*)') AS session_token, s -> 'SEQ' AS seq,
    (SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(s) k) AS members FROM quire.begin_session(t.id(2704), '1 hour', 'tar.zst') s \gset
\echo :seq :members
\c - regress_guest
SELECT length(quire.download_snapshot(:'session_token')::bytea) > 0 AS downloaded, t.error(format('SELECT quire.download_snapshot(%L)', :'realtime')) AS with_the_other;
BEGIN;
SELECT a -> 'project_id' AS project_id, array(SELECT regexp_replace(x, '[0-9a-f-]{36}', '<id>') FROM jsonb_array_elements_text(a -> 'abilities') x) AS abilities FROM quire.authenticate(:'realtime') a;
SELECT file_path FROM quire.list_current_files(t.id(2704));
SELECT seq, event FROM quire.poll_events(t.id(2704), :seq);
SELECT quire.plan_hydration(t.id(2704), '{}', 1) -> 'keep' AS keep;
SELECT t.error($$SELECT quire.upsert_project_file(t.id(2704), 'text', 'x')$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2704))$$);
SELECT t.error(format('SELECT quire.finish_session(t.id(2704), %L)', :'session'));
COMMIT;
\c - :me
SELECT quire.finish_session(t.id(2704), :'session');
SELECT t.error(format('SELECT quire.download_snapshot(%L)', :'session_token')) AS ended;
SELECT t.error(format('SELECT quire.authenticate(%L)', :'realtime')) AS ended;

-- retention: how many stay; one that somebody may still come for stays as well
SELECT quire.create_project('retention', t.id(2706), settings => '{"snapshots_kept": 2}') IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(2706), 'a', '1');
SELECT quire.create_project_snapshot(t.id(2706), ttl => '1 hour') ->> 'token' AS first_token \gset
SELECT version, seq FROM generate_series(2, 5) n, LATERAL quire.upsert_project_file(t.id(2706), 'a', n::text) f, LATERAL quire.create_project_snapshot(t.id(2706), ttl => interval '1 millisecond' * length(f.file_path)) s, pg_sleep(0.01) WHERE s IS NOT NULL;
SELECT seq FROM quire.list_snapshots(t.id(2706));
SELECT token_id AS first_id FROM quire.list_tokens(t.id(2706)) WHERE status = 'valid' \gset
SELECT quire.revoke_token(t.id(2706), :'first_id') IS NOT NULL AS revoked;
SELECT version FROM quire.upsert_project_file(t.id(2706), 'a', '6');
SELECT quire.create_project_snapshot(t.id(2706), ttl => '1 millisecond') -> 'cached' AS cached;
SELECT seq FROM quire.list_snapshots(t.id(2706));
SELECT t.error(format('SELECT quire.download_snapshot(%L)', :'first_token')) AS revoked;
-- how long
\c - postgres
UPDATE quire_store.snapshot SET created_at = created_at - interval '31 days' WHERE project_id = t.id(2706);
\c - :me
SELECT quire.create_project_snapshot(t.id(2706), 'tar.zst', ttl => '1 millisecond') -> 'cached' AS cached;
SELECT format FROM quire.list_snapshots(t.id(2706));
-- one that is new stays, also when others seem to be newer: the clock was set back, or they were made meanwhile
\c - postgres
UPDATE quire_store.snapshot SET created_at = created_at + interval '1 hour' WHERE project_id = t.id(2706);
\c - :me
SELECT quire.update_project(t.id(2706), '{"settings": {"snapshots_kept": 1}}') ->> 'name' AS name;
SELECT quire.create_project_snapshot(t.id(2706), ttl => '1 millisecond') -> 'cached' AS cached;
SELECT count(*) FROM quire.list_snapshots(t.id(2706)) WHERE format = 'zip';
SELECT t.error(format('SELECT quire.update_project(t.id(2706), %L)', jsonb_build_object('settings', s))) FROM unnest(ARRAY['{"snapshots_kept": 0}', '{"snapshots_kept": "3"}', '{"snapshots_max_age": 0}', '{"snapshots_max_age": 0.5}']::jsonb[]) s;

-- deleted: gone for whoever has a token, and made anew when asked for
SELECT r ->> 'snapshot_id' AS doomed, r ->> 'token' AS doomed_token, r ->> 'content_hash' AS doomed_hash FROM quire.create_project_snapshot(t.id(2706)) r \gset
SELECT quire.delete_snapshot(t.id(2706), :'doomed');
SELECT t.error(format('SELECT quire.download_snapshot(%L)', :'doomed_token'));
SELECT t.error(format('SELECT quire.read_snapshot(t.id(2706), %L)', :'doomed')), t.error(format('SELECT quire.delete_snapshot(t.id(2706), %L)', :'doomed'));
SELECT r -> 'cached' AS cached, r ->> 'content_hash' = :'doomed_hash' AS same_bytes, r ->> 'snapshot_id' <> :'doomed' AS other_id FROM quire.create_project_snapshot(t.id(2706)) r;

-- damage: found by verify_snapshot, and what is missing is not passed over
\c - postgres
SELECT quire.create_project('damage', t.id(2707)) IS NOT NULL AS created;
SELECT size FROM quire.upsert_project_file_bytes(t.id(2707), 'large', (SELECT string_agg(sha512(n::text::bytea), '') FROM generate_series(1, 40000) n));
SELECT size FROM quire.upsert_project_file(t.id(2707), 'small', 'x');
SELECT r ->> 'snapshot_id' AS damaged, r ->> 'token' AS damaged_token, r -> 'chunk_count' AS chunks FROM quire.create_project_snapshot(t.id(2707)) r \gset
SELECT r ->> 'snapshot_id' AS damaged_tar FROM quire.create_project_snapshot(t.id(2707), 'tar.zst') r \gset
SELECT v -> 'ok' AS ok, quire.read_snapshot(t.id(2707), :'damaged_tar') = string_agg(quire.read_snapshot_chunk(t.id(2707), :'damaged_tar', n), '' ORDER BY n) AS same, count(*) AS chunks
FROM quire.verify_snapshot(t.id(2707), :'damaged_tar') v, generate_series(1, 3) n GROUP BY v;
-- what a tar.zst is made of goes bad where it is stored: in a file, between files, in the list of both
BEGIN;
UPDATE quire_store.blob_chunk SET bytes = set_byte(bytes, 1000, get_byte(bytes, 1000) # 1) WHERE project_id = t.id(2707) AND ordinal = 2;
SELECT v -> 'ok' AS ok, v #>> '{problems,0,problem}' AS first, v #> '{problems,0,expected}' <> v #> '{problems,0,actual}' AS differ, v #> '{problems,1,file_path}' AS file FROM quire.verify_snapshot(t.id(2707), :'damaged_tar') v;
ROLLBACK;
BEGIN;
UPDATE quire_store.snapshot_chunk SET recipe = set_byte(recipe, 20, get_byte(recipe, 20) # 1) WHERE project_id = t.id(2707) AND snapshot_id = :'damaged_tar' AND ordinal = 1;
SELECT v -> 'ok' AS ok, v #>> '{problems,0,problem}' AS first FROM quire.verify_snapshot(t.id(2707), :'damaged_tar') v;
ROLLBACK;
BEGIN;
UPDATE quire_store.snapshot_chunk SET recipe = substr(recipe, 1, length(recipe) - 1) WHERE project_id = t.id(2707) AND snapshot_id = :'damaged_tar' AND ordinal = 1;
SELECT v -> 'ok' AS ok, v #>> '{problems,0,problem}' AS first FROM quire.verify_snapshot(t.id(2707), :'damaged_tar') v;
SELECT t.error(format('SELECT quire.read_snapshot_chunk(t.id(2707), %L, 1)', :'damaged_tar'));
ROLLBACK;
BEGIN;
UPDATE quire_store.blob_chunk SET bytes = substr(bytes, 1, 1000) WHERE project_id = t.id(2707) AND ordinal = 2;
SELECT t.error(format('SELECT quire.read_snapshot_chunk(t.id(2707), %L, 2)', :'damaged_tar')) LIKE 'XX001 | % | stored content does not match its hash%' AS too_short;
DELETE FROM quire_store.blob WHERE project_id = t.id(2707);
SELECT v -> 'ok' AS ok, v #>> '{problems,0,problem}' AS first FROM quire.verify_snapshot(t.id(2707), :'damaged_tar') v;
SELECT t.error(format('SELECT quire.read_snapshot(t.id(2707), %L)', :'damaged_tar')) LIKE 'XX001 | % | stored content is missing%' AS gone;
ROLLBACK;
-- of a zip, in its chunks
UPDATE quire_store.snapshot_chunk SET bytes = set_byte(bytes, 1000, get_byte(bytes, 1000) # 1) WHERE project_id = t.id(2707) AND snapshot_id = :'damaged' AND ordinal = 2;
SELECT v -> 'ok' AS ok, (v ->> 'problem_count')::int > 0 AS has_problems, v #>> '{problems,0,problem}' AS first, v #> '{problems,0,expected}' <> v #> '{problems,0,actual}' AS differ
FROM quire.verify_snapshot(t.id(2707), :'damaged') v;
DELETE FROM quire_store.snapshot_chunk WHERE project_id = t.id(2707) AND ordinal = 2;
SELECT v -> 'ok' AS ok, v #>> '{problems,0,problem}' AS first FROM quire.verify_snapshot(t.id(2707), :'damaged') v UNION ALL
SELECT v -> 'ok', v #>> '{problems,0,problem}' FROM quire.verify_snapshot(t.id(2707), :'damaged_tar') v;
SELECT t.error(format('SELECT quire.download_snapshot(%L)', :'damaged_token'));
SELECT t.error(format('SELECT quire.read_snapshot(t.id(2707), %L)', :'damaged'));
DELETE FROM quire_store.snapshot_chunk WHERE project_id = t.id(2707);
SELECT v -> 'ok' AS ok FROM quire.verify_snapshot(t.id(2707), :'damaged') v;
SELECT t.error(format('SELECT quire.download_snapshot(%L)', :'damaged_token'));
SELECT t.error(format('SELECT quire.read_snapshot(t.id(2707), %L)', :'damaged'));
-- too large to be one value, or so it says
UPDATE quire_store.snapshot SET size = 524288001 WHERE project_id = t.id(2707);
SELECT t.error(format('SELECT quire.download_snapshot(%L)', :'damaged_token'));
SELECT t.error(format('SELECT quire.read_snapshot(t.id(2707), %L)', :'damaged'));
-- content that went bad is not archived
DELETE FROM quire_store.snapshot WHERE project_id = t.id(2707);
UPDATE quire_store.blob SET bytes = 'y' WHERE project_id = t.id(2707) AND size = 1;
SELECT t.error(format('SELECT quire.create_project_snapshot(t.id(2707), %L)', format)) FROM unnest(ARRAY['zip', 'tar.zst']) format;
-- or is found when the archive is read, where a stored frame goes in without being decoded
UPDATE quire_store.blob SET bytes = 'x' WHERE project_id = t.id(2707) AND size = 1;
SELECT quire.bulk_upsert_project_files(t.id(2707), jsonb_build_array(
    jsonb_build_object('file_path', 'one', 'content', repeat('one ', 100)), jsonb_build_object('file_path', 'two', 'content', repeat('two ', 100)))) -> 'success' AS success;
UPDATE quire_store.blob b SET bytes = o.bytes FROM quire_store.blob o
WHERE b.project_id = t.id(2707) AND o.project_id = t.id(2707) AND b.size = 400 AND o.size = 400 AND b.hash < o.hash;
SELECT t.error(format('SELECT quire.restore_snapshot(t.id(2707), %L)', quire.read_snapshot(t.id(2707), (r ->> 'snapshot_id')::uuid)))
FROM quire.create_project_snapshot(t.id(2707), 'tar.zst') r;
SELECT v -> 'ok' AS ok, v -> 'problem_count' AS problems, v #> '{problems,0,file_path}' AS first FROM quire.create_project_snapshot(t.id(2707), 'tar.zst') r, LATERAL quire.verify_snapshot(t.id(2707), (r ->> 'snapshot_id')::uuid) v;
SELECT count(*) FROM quire.list_snapshots(t.id(2707));
\c - :me

-- who may do what
\c - regress_alice
SELECT quire.create_project('guarded', t.id(2708)) IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(2708), 'src/a', 'secret');
SELECT version FROM quire.upsert_project_file(t.id(2708), 'docs/b', 'secret');
SELECT quire.set_project_member(t.id(2708), t.actor('bob'), 'viewer') ->> 'role' AS role;
SELECT r ->> 'snapshot_id' AS zip, r ->> 'token' AS alices FROM quire.create_project_snapshot(t.id(2708)) r \gset
SELECT quire.begin_session(t.id(2708)) ->> 'SESSION_ID' AS session \gset
CREATE TEMP TABLE call (f text, statement text);
INSERT INTO call VALUES
    ('create_project_snapshot', 'SELECT quire.create_project_snapshot(t.id(2708), ''tar.zst'')'),
    ('delete_snapshot', format('SELECT quire.delete_snapshot(t.id(2708), %L)', :'zip')),
    ('finish_session', format('SELECT quire.finish_session(t.id(2708), %L)', :'session')),
    ('get_snapshot_manifest', format('SELECT quire.get_snapshot_manifest(t.id(2708), %L)', :'zip')),
    ('list_snapshots', 'SELECT * FROM quire.list_snapshots(t.id(2708))'),
    ('plan_hydration', 'SELECT quire.plan_hydration(t.id(2708), ''{}'')'),
    ('read_snapshot', format('SELECT quire.read_snapshot(t.id(2708), %L)', :'zip')),
    ('read_snapshot_chunk', format('SELECT quire.read_snapshot_chunk(t.id(2708), %L, 1)', :'zip')),
    ('restore_snapshot', 'SELECT quire.restore_snapshot(t.id(2708), ''\x504b0506000000000000000000000000000000000000'')'),
    ('begin_session', 'SELECT quire.begin_session(t.id(2708))'),
    ('verify_snapshot', format('SELECT quire.verify_snapshot(t.id(2708), %L)', :'zip'));
SELECT json_agg(call) AS calls FROM call \gset
-- one that is always undone
\set attempt 'SELECT f, t.error(format(''DO %L'', format(''BEGIN EXECUTE %L; RAISE SQLSTATE ''''ZZ000'''' USING MESSAGE = ''''allowed''''; END'', statement))) AS says FROM json_to_recordset(:''calls'') AS c (f text, statement text) ORDER BY f'
\c - regress_bob
:attempt;
\c - regress_carol
:attempt;
\c - regress_nobody
:attempt;
\c - regress_guest
:attempt;
\c - regress_outsider
:attempt;
SELECT t.error(format('SELECT quire.download_snapshot(%L)', :'alices')) AS download;
SELECT t.error('SELECT count(*) FROM quire_store.snapshot_chunk') AS chunks;
\c - regress_alice
:attempt;
SELECT quire.set_project_member(t.id(2708), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
:attempt;
-- what an editor has made is theirs to delete, or the owner's
SELECT quire.create_project_snapshot(t.id(2708), 'tar.zst') ->> 'snapshot_id' AS of_bob \gset
SELECT quire.delete_snapshot(t.id(2708), :'of_bob');
SELECT quire.create_project_snapshot(t.id(2708), 'tar.zst') ->> 'snapshot_id' AS of_bob \gset
SELECT quire.begin_session(t.id(2708)) ->> 'SESSION_ID' AS of_bob_too \gset
\c - regress_alice
SELECT quire.delete_snapshot(t.id(2708), :'of_bob');
SELECT quire.finish_session(t.id(2708), :'of_bob_too');

-- who has a token needs nothing else, and no other token will do
SELECT quire.create_project('public', t.id(2709), 'public') IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(2709), 'a', 'open');
SELECT quire.create_project_snapshot(t.id(2709)) ->> 'snapshot_id' AS elsewhere \gset
SELECT quire.mint_token(t.id(2708), ARRAY['snapshot:read'], '1 hour') AS wide,
    quire.mint_token(t.id(2708), ARRAY['snapshot:read:' || :'zip'], '1 hour', max_uses => 1) AS once,
    quire.mint_token(t.id(2708), ARRAY['snapshot:read:' || :'elsewhere'], '1 hour') AS of_another,
    quire.mint_token(t.id(2708), ARRAY['project:read', 'events:read'], '1 hour') AS reader,
    quire.mint_token(t.id(2708), ARRAY['file:write:src/**', 'project:read'], '1 hour') AS writer,
    quire.mint_token(t.id(2708), ARRAY['snapshot:read:' || :'zip'], '1 millisecond') AS short \gset
SELECT quire.attenuate_token(:'wide', ARRAY['snapshot:read:' || :'zip'], '1 hour') AS narrowed, quire.attenuate_token(:'alices', ARRAY['snapshot:read:' || :'zip'], '1 millisecond') AS brief \gset
SELECT pg_sleep(0.01);
\c - regress_guest
SELECT length(quire.download_snapshot(:'alices')::bytea) > 0 AS downloaded, length(quire.download_snapshot(:'narrowed')::bytea) > 0 AS narrowed;
SELECT length(quire.download_snapshot(:'once')::bytea) > 0 AS once;
SELECT name, t.error(format('SELECT quire.download_snapshot(%L)', token)) FROM (VALUES ('again', :'once'), ('wide', :'wide'), ('of another project', :'of_another'), ('reader', :'reader'), ('writer', :'writer'),
    ('short', :'short'), ('brief', :'brief'), ('changed', overlay(:'alices' PLACING 'x' FROM 60)), ('cut', left(:'alices', -3)), ('none', ''), ('text', 'quire1.AAAA')) AS tokens (name, token);
-- bound, it reads that snapshot and no more
BEGIN;
SELECT quire.authenticate(:'alices') IS NOT NULL AS bound;
:attempt;
SELECT t.error(format('SELECT quire.read_snapshot(t.id(2709), %L)', :'elsewhere')) AS public_one;
COMMIT;
BEGIN;
SELECT quire.authenticate(:'wide') IS NOT NULL AS bound;
:attempt;
COMMIT;
-- one that may write some paths restores these, and nothing that lies elsewhere
\c - regress_nobody
BEGIN;
SELECT quire.authenticate(:'writer') IS NOT NULL AS bound;
SELECT t.error($$SELECT quire.restore_snapshot(t.id(2708), decode('UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==', 'base64'))$$) AS deletes_docs;
COMMIT;
\c - regress_alice
SELECT version FROM quire.upsert_project_file(t.id(2709), 'src/a', 'new');
SELECT version FROM quire.delete_project_file(t.id(2709), 'a');
SELECT encode(quire.read_snapshot(t.id(2709), (r ->> 'snapshot_id')::uuid), 'hex') AS src FROM quire.create_project_snapshot(t.id(2709), after_seq => 0) r \gset
SELECT encode(quire.read_snapshot(t.id(2709), (r ->> 'snapshot_id')::uuid), 'hex') AS deletes_a FROM quire.create_project_snapshot(t.id(2709), after_seq => 1) r \gset
SELECT version FROM quire.upsert_project_file(t.id(2708), 'a', 'not for the token');
\c - regress_nobody
BEGIN;
SELECT quire.authenticate(:'writer') IS NOT NULL AS bound;
SELECT t.error(format('SELECT quire.restore_snapshot(t.id(2708), %L)', '\x' || :'deletes_a'));
SELECT jsonb_path_query_array(quire.restore_snapshot(t.id(2708), decode(:'src', 'hex')), '$.ops[*].file_path') AS restored;
SELECT file_path FROM quire.list_current_files(t.id(2708));
ROLLBACK;
-- a token that may write but not read learns no paths
\c - regress_alice
SELECT quire.mint_token(t.id(2708), ARRAY['file:write'], '1 hour') AS blind \gset
\c - regress_nobody
BEGIN;
SELECT quire.authenticate(:'blind') IS NOT NULL AS bound;
SELECT t.error($$SELECT quire.restore_snapshot(t.id(2708), decode('UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==', 'base64'))$$) AS blind;
ROLLBACK;
-- a token ends with the membership of who made it
\c - regress_alice
SELECT quire.set_project_member(t.id(2708), t.actor('carol'), 'viewer') ->> 'role' AS role;
\c - regress_carol
SELECT quire.create_project_snapshot(t.id(2708)) ->> 'token' AS carols \gset
SELECT t.error(format('SELECT quire.download_snapshot(%L)', :'carols'));
\c - regress_alice
SELECT quire.delete_project_member(t.id(2708), t.actor('carol'));
\c - regress_guest
SELECT t.error(format('SELECT quire.download_snapshot(%L)', :'carols'));

-- an archived project gives out what it has, makes nothing new, and takes nothing
\c - regress_alice
SELECT r -> 'cached' AS cached FROM quire.create_project_snapshot(t.id(2708)) r;
SELECT quire.archive_project(t.id(2708)) ->> 'status' AS status;
SELECT r -> 'cached' AS cached, length(quire.download_snapshot(r ->> 'token')::bytea) > 0 AS downloaded FROM quire.create_project_snapshot(t.id(2708)) r;
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2708), at_seq => 1)$$);
SELECT t.error($$SELECT quire.restore_snapshot(t.id(2708), decode('UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==', 'base64'))$$);
SELECT quire.begin_session(t.id(2708)) -> 'SEQ' AS seq;
SELECT quire.plan_hydration(t.id(2708), '{}', 0) AS plan;

-- Archives of other people. What breaks a rule is refused, and nothing is written.
\c - :me
SELECT quire.create_project('hostile', t.id(2710), settings => '{"max_file_bytes": 100000}') IS NOT NULL AS created;
SELECT version FROM quire.upsert_project_file(t.id(2710), 'kept', 'k');
CREATE TEMP TABLE hostile (name text, archive text);
INSERT INTO hostile VALUES
    ('zip ..', 'UEsDBBQAAAAAAAAAIRSDFtyMAQAAAAEAAAAHAAAALi4vZXZpbHhQSwECFAMUAAAAAAAAACEUgxbcjAEAAAABAAAABwAAAAAAAAAAAAAApIEAAAAALi4vZXZpbFBLBQYAAAAAAQABADUAAAAmAAAAAAA='),
    ('zip .. inside', 'UEsDBBQAAAAAAAAAIRSDFtyMAQAAAAEAAAAMAAAAYS8uLi8uLi9ldmlseFBLAQIUAxQAAAAAAAAAIRSDFtyMAQAAAAEAAAAMAAAAAAAAAAAAAACkgQAAAABhLy4uLy4uL2V2aWxQSwUGAAAAAAEAAQA6AAAAKwAAAAAA'),
    ('zip absolute', 'UEsDBBQAAAAAAAAAIRSDFtyMAQAAAAEAAAALAAAAL2V0Yy9wYXNzd2R4UEsBAhQDFAAAAAAAAAAhFIMW3IwBAAAAAQAAAAsAAAAAAAAAAAAAAKSBAAAAAC9ldGMvcGFzc3dkUEsFBgAAAAABAAEAOQAAACoAAAAAAA=='),
    ('zip backslash', 'UEsDBBQAAAAAAAAAIRSDFtyMAQAAAAEAAAAHAAAALi5cZXZpbHhQSwECFAMUAAAAAAAAACEUgxbcjAEAAAABAAAABwAAAAAAAAAAAAAApIEAAAAALi5cZXZpbFBLBQYAAAAAAQABADUAAAAmAAAAAAA='),
    ('zip directory ..', 'UEsDBBQAAAAAAAAAIRSDFtyMAQAAAAEAAAACAAAAb2t4UEsDBBQAAAAAAAAAIRQAAAAAAAAAAAAAAAAFAAAALi4veC9QSwECFAMUAAAAAAAAACEUgxbcjAEAAAABAAAAAgAAAAAAAAAAAAAApIEAAAAAb2tQSwECFAMUAAAAAAAAACEUAAAAAAAAAAAAAAAABQAAAAAAAAAAAAAA7UEhAAAALi4veC9QSwUGAAAAAAIAAgBjAAAARAAAAAAA'),
    ('zip link out', 'UEsDBBQAAAAAAAAAIRQDa0DfEAAAABAAAAABAAAAbC4uLy4uL2V0Yy9wYXNzd2RQSwECFAMUAAAAAAAAACEUA2tA3xAAAAAQAAAAAQAAAAAAAAAAAAAA/6EAAAAAbFBLBQYAAAAAAQABAC8AAAAvAAAAAAA='),
    ('zip link absolute', 'UEsDBBQAAAAAAAAAIRQKuR8pCwAAAAsAAAABAAAAbC9ldGMvcGFzc3dkUEsBAhQDFAAAAAAAAAAhFAq5HykLAAAACwAAAAEAAAAAAAAAAAAAAP+hAAAAAGxQSwUGAAAAAAEAAQAvAAAAKgAAAAAA'),
    ('zip below a link', 'UEsDBBQAAAAAAAAAIRTMSt2YAQAAAAEAAAABAAAAbGRQSwMEFAAAAAAAAAAhFIMW3IwBAAAAAQAAAAMAAABsL3h4UEsBAhQDFAAAAAAAAAAhFMxK3ZgBAAAAAQAAAAEAAAAAAAAAAAAAAP+hAAAAAGxQSwECFAMUAAAAAAAAACEUgxbcjAEAAAABAAAAAwAAAAAAAAAAAAAApIEgAAAAbC94UEsFBgAAAAACAAIAYAAAAEIAAAAAAA=='),
    ('zip device', 'UEsDBBQAAAAAAAAAIRQAAAAAAAAAAAAAAAADAAAAZGV2UEsBAhQDFAAAAAAAAAAhFAAAAAAAAAAAAAAAAAMAAAAAAAAAAAAAAKQhAAAAAGRldlBLBQYAAAAAAQABADEAAAAhAAAAAAA='),
    ('zip twice', 'UEsDBBQAAAAAAAAAIRS379yDAQAAAAEAAAABAAAAYTFQSwMEFAAAAAAAAAAhFA2+1RoBAAAAAQAAAAEAAABhMlBLAQIUAxQAAAAAAAAAIRS379yDAQAAAAEAAAABAAAAAAAAAAAAAACkgQAAAABhUEsBAhQDFAAAAAAAAAAhFA2+1RoBAAAAAQAAAAEAAAAAAAAAAAAAAKSBIAAAAGFQSwUGAAAAAAIAAgBeAAAAQAAAAAAA'),
    ('zip twice in NFC', 'UEsDBBQAAAgAAAAAIRS379yDAQAAAAEAAAADAAAAZcyBMVBLAwQUAAAIAAAAACEUDb7VGgEAAAABAAAAAgAAAMOpMlBLAQIUAxQAAAgAAAAAIRS379yDAQAAAAEAAAADAAAAAAAAAAAAAACkgQAAAABlzIFQSwECFAMUAAAIAAAAACEUDb7VGgEAAAABAAAAAgAAAAAAAAAAAAAApIEiAAAAw6lQSwUGAAAAAAIAAgBhAAAAQwAAAAAA'),
    ('zip file and directory', 'UEsDBBQAAAAAAAAAIRSDFtyMAQAAAAEAAAABAAAAYXhQSwMEFAAAAAAAAAAhFIMW3IwBAAAAAQAAAAMAAABhL2J4UEsBAhQDFAAAAAAAAAAhFIMW3IwBAAAAAQAAAAEAAAAAAAAAAAAAAKSBAAAAAGFQSwECFAMUAAAAAAAAACEUgxbcjAEAAAABAAAAAwAAAAAAAAAAAAAApIEgAAAAYS9iUEsFBgAAAAACAAIAYAAAAEIAAAAAAA=='),
    ('zip truncated', 'UEsDBBQAAAAAAAAAIRSGphA2BQAAAAUAAAABAAAAYWhlbGxvUEsDBBQAAAAAAAAAIRRDEXc6BQAAAAUAAAABAAAAYndvcmxkUEsBAhQDFAAAAAAAAAAhFIamEDYFAAAABQAAAAEAAAAAAAAAAAAAAKSBAAAAAGFQSwECFAMUAAAAAAAAACEUQxF3OgUAAAAFAAAAAQAAAAAAAAAAAAA='),
    ('zip cut before', 'AAAFAAAAAQAAAGFoZWxsb1BLAwQUAAAAAAAAACEUQxF3OgUAAAAFAAAAAQAAAGJ3b3JsZFBLAQIUAxQAAAAAAAAAIRSGphA2BQAAAAUAAAABAAAAAAAAAAAAAACkgQAAAABhUEsBAhQDFAAAAAAAAAAhFEMRdzoFAAAABQAAAAEAAAAAAAAAAAAAAKSBJAAAAGJQSwUGAAAAAAIAAgBeAAAASAAAAAAA'),
    ('zip bad checksum', 'UEsDBBQAAAAAAAAAIRSGphA2BQAAAAUAAAABAAAAYWllbGxvUEsDBBQAAAAAAAAAIRRDEXc6BQAAAAUAAAABAAAAYndvcmxkUEsBAhQDFAAAAAAAAAAhFIamEDYFAAAABQAAAAEAAAAAAAAAAAAAAKSBAAAAAGFQSwECFAMUAAAAAAAAACEUQxF3OgUAAAAFAAAAAQAAAAAAAAAAAAAApIEkAAAAYlBLBQYAAAAAAgACAF4AAABIAAAAAAA='),
    ('zip two names', 'UEsDBBQAAAAAAAAAIRSGphA2BQAAAAUAAAABAAAAY2hlbGxvUEsDBBQAAAAAAAAAIRRDEXc6BQAAAAUAAAABAAAAYndvcmxkUEsBAhQDFAAAAAAAAAAhFIamEDYFAAAABQAAAAEAAAAAAAAAAAAAAKSBAAAAAGFQSwECFAMUAAAAAAAAACEUQxF3OgUAAAAFAAAAAQAAAAAAAAAAAAAApIEkAAAAYlBLBQYAAAAAAgACAF4AAABIAAAAAAA='),
    ('zip encrypted', 'UEsDBBQAAQAAAAAAIRSGphA2BQAAAAUAAAABAAAAYWhlbGxvUEsBAhQDFAABAAAAAAAhFIamEDYFAAAABQAAAAEAAAAAAAAAAAAAAKSBAAAAAGFQSwUGAAAAAAEAAQAvAAAAJAAAAAAA'),
    ('zip bzip2', 'UEsDBC4AAAAMAAAAIRTRidJCLAAAAGQAAAABAAAAYUJaaDkxQVkmU1muO81IAAATgQACRKAAMM00ClBhOJpOE8XckU4UJCuO81IAUEsBAi4DLgAAAAwAAAAhFNGJ0kIsAAAAZAAAAAEAAAAAAAAAAAAAAKSBAAAAAGFQSwUGAAAAAAEAAQAvAAAASwAAAAAA'),
    ('zip wrong count', 'UEsDBBQAAAAAAAAAIRSGphA2BQAAAAUAAAABAAAAYWhlbGxvUEsDBBQAAAAAAAAAIRRDEXc6BQAAAAUAAAABAAAAYndvcmxkUEsBAhQDFAAAAAAAAAAhFIamEDYFAAAABQAAAAEAAAAAAAAAAAAAAKSBAAAAAGFQSwECFAMUAAAAAAAAACEUQxF3OgUAAAAFAAAAAQAAAAAAAAAAAAAApIEkAAAAYlBLBQYAAAAACQAJAF4AAABIAAAAAAA='),
    ('zip name not UTF-8', 'UEsDBBQAAAAAAAAAIRSDFtyMAQAAAAEAAAAEAAAAbv9tZXhQSwECFAMUAAAAAAAAACEUgxbcjAEAAAABAAAABAAAAAAAAAAAAAAApIEAAAAAbv9tZVBLBQYAAAAAAQABADIAAAAjAAAAAAA='),
    ('zip NUL name', 'UEsDBBQAAAAAAAAAIRSDFtyMAQAAAAEAAAAEAAAAbgBtZXhQSwECFAMUAAAAAAAAACEUgxbcjAEAAAABAAAABAAAAAAAAAAAAAAApIEAAAAAbgBtZVBLBQYAAAAAAQABADIAAAAjAAAAAAA='),
    ('zip bomb', 'UEsDBBQAAAAIAAAAIRR7WOBc0wAAAEANAwABAAAAYe3BMQEAAADCoPVPbQZ/oAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACA1wBQSwECFAMUAAAACAAAACEUe1jgXNMAAABADQMAAQAAAAAAAAAAAAAApIEAAAAAYVBLBQYAAAAAAQABAC8AAADyAAAAAAA='),
    ('tar ..', 'KLUv/QBo5QEA0oIJEaCrAyBJHw+qmj4ilkYD8FEGff0qw1broCku35v/HYP8NyF3AmIHIHAf+/14jjpg8oRLBIaTk+MC'),
    ('tar absolute', 'KLUv/QBo9QEAEgMKEbCpA0RrG4L1YcRCu28sFSoDbf0monJ10ICP9+J/hRj/NSyToCvqXAcgcB/7/XiOOmDyhEsEhlOTSwI='),
    ('tar pax path', 'KLUv/QBoVQMAksQPEZB9QKx5tHSeNps2ITjnSY0C/QV4ZdKXPyc9oBaEOnkkYyyp3xWpgH+An84bdAHQmy9v/h/gCF9s/TlGBhkBDyBgLazbDJgf2umrF6zKVcYD2AO4fhrZ1TUndcD0GtzbGABil0yuDg=='),
    ('tar link out', 'KLUv/QBoBQIApAJsADA2NDQAMDEwNTM2ACAyLi4vLi4vZXRjL3Bhc3N3ZAB1c3RhcgAwMAAHICA3HPP4T9DTvM88YVAA+wm3AQ=='),
    ('tar hard link', 'KLUv/QBoJQIA0oIID9BnDABEfw2IucXsVKBXClcWJibfcscgB46xeLf+NRP/XgwggK/v/SvwpeIACmGCAVJiX8Xz1AElL3BB4HB+Elg='),
    ('tar fifo', 'KLUv/QBoZQEA0gEGC9Dn9NQC2hwGi+Aptxvh5Q8cEdNFpm2vBgDzgP/8O92LAu4BYDg/ASw='),
    ('tar twice', 'KLUv/QBoPQIA4kIJELA3Bw3sGLLSUBNKOMKAkgFlo1KEUr8kTTkdFPH7Xvqv2f03AwsggK/v/SvgV+9YqyMyADX2q3hOHdDkAZcIDOcnhwU='),
    ('tar file and directory', 'KLUv/QBoHQIA8sIID8BrDED7x62adLuEHH9jUuesZ/NNtxRz4IOYd8W/pZh/UbgKIGC37/0rMBbViAyAGvsqnqcOOHnBBQKG01MgAg=='),
    ('tar truncated', 'KLUv/QBoxQEAsoIID7BrDOQJzUtepPUywgBNASaEzPFVha3mQHEg745/78i/JQcgcB/3/WWOOg=='),
    ('tar without its end', 'KLUv/QBodQEAUsIGC9DndA0o3xasQXMZ/VrhZYfSMd8rEl+R+W8FBiBQH3PqAJIHLhEYzk8dCw=='),
    ('tar bomb', 'KLUv/QBolAEA4kEGC+BtMgleJcPtFuIUtWuFl62hFPG574rcrQgA8/4gP4+bt3ODl4xcCQCmAGA/gTYDoAgA'),
    ('tar bad checksum', 'KLUv/QBodQEA0oEGDNA9HGpByBRSLYRIAf6Nprk+uCTonqH/t10GAPOA/4A35Rcl3APAcHwCQw=='),
    ('tar sparse', 'KLUv/QBoZQQA0oYWGIBtDhw2e1MUVNA2O9FjZAw1olS9IDswZPNM1+3w/d8brlIXAbtipMMdhWBJ2A9D69YhZi2MUcNPaxlZkk1BDOac/hp5kpROpm/d93p9b3+NvXAfk5MCaEALEyBALbXZYJgfMkGrF6zKRx4DWAZwf8KYUXhghLiDIwaw1LU5dQCSF7gAgF0y+To='),
    ('tar claims a terabyte', 'KLUv/QBorQEAwoIIDdA9iOSrAYMULgJFmQKPyFvlX+I2UyKX/z/8/1tOZCIixwYgUB/0/PyZCfstYTg/dSw='),
    ('delta path', 'KLUv/QBoNQMAgkUTGIBtDqrPZoDBps5HDFQoshYl0wJCBhhLAZ6OdGytNIp8G5fZl0pTvchnIbJJo8CU/BtyEUY+YBVU9b6D4b9bI+7GgctykdnHFlKiZwUJIFAfpPM3CmtOHXDywCUCgwaYR6Ed'),
    ('delta unknown member', 'KLUv/QBoNQMAgkUTGICrDtRB99nxybLEiMTUAyx+xSogkZgqGRox22fTYbB1PRu228SbzpZpiXQSn1xIf23alI4eUB6Y+XoViP+6VnGNi1RUm7Bd0M1zGBUJIFAfpPM3CmtOHXDywCUCgwaYR6Ed'),
    ('delta backwards', 'KLUv/QBoJQMAwkQRF4DZAVrU1LfsnF98E1kc0mhJiUYZ6C4DuhSEWubSnbM1vQaphf6GH6/9KsqsccmfyoAiobuZWVMaWF/yyFnSOQs8tglPCiDgquoBsKO/rLDmog6AdCsG/w2FwkEBzKPPDg=='),
    ('delta no JSON', 'KLUv/QBoJQIAEgMLEaDtsFmdpV+qqu/flGwCYCMFnv79TITSBx5id+97b0LKzRpUauJCJ6CXpNMJINAP+/14Th2QPBxg4AGDAsyjzA4='),
    ('gzip', 'H4sIAAAAAAAAAAAAAAAAAAAAAAAAAAAA'),
    ('text', 'aGVsbG8='),
    ('zip magic only', 'UEsDBA=='),
    ('zstd magic only', 'KLUv/Q=='),
    ('zstd of text', 'KLUv/QBoZQAAKGhlbGxvAQDgURUt'),
    ('zstd twice', 'KLUv/QBoCQIAKLUv/QBoxQEAsoIID7BrDOQJzUtepPUywgBNASaEzPFVha3mQHEg745/78i/JQcgcB/3/WWOOmDyhEsEhvOTwwI='),
    ('empty bytes', ''),
    ('random', 'DZcmsD/JWOJxAIoZozK8S9Vk7n0MliWvPshX4XD6iRiiMbtK1GPtfAuVJK49x1bgb/mIF6EwuknTYux7CpQjrTzGVd9u+IcWoC+5SNJh63oJkyKsO8VU3m33hhWfLrhH0WDqeQiSIas6xFPdbPaFFJ4tt0bQX+l4B5EgqjnDUtxr9YQTnSy2Rc9e6HcGkB+pOMJR22r0gxKcK7VEzl3ndgWPHqg3wVDaafOCEZsqtEPNXOZ1BI4dpzbAT9lo8oEQmimzQsxb5XQ=');
SELECT name, t.error(format('SELECT quire.restore_snapshot(t.id(2710), decode(%L, ''base64''))', archive)) FROM hostile;
SELECT t.rows(t.id(2710));
SELECT file_path FROM quire.list_current_files(t.id(2710));
-- more than the project may hold: many small ones, or one
SELECT quire.update_project(t.id(2710), '{"settings": {"max_files": 2, "max_project_bytes": 100}}') ->> 'name' AS name;
CREATE TEMP TABLE good (name text, archive text);
INSERT INTO good VALUES
    ('zip', 'UEsDBBQAAAAAAAAAIRQAAAAAAAAAAAAAAAACAAAAZC9QSwMEFAAAAAgAAAAhFAfWb5AOAAAAtAAAAAMAAABkL2FLSU3LSSxJTVFIGToMAFBLAwQUAAAAAAAAACEUwHUZswIAAAACAAAAAwAAAHJ1biMhUEsDBBQAAAAAAAAAIRRN0zaYAwAAAAMAAAAEAAAAbGlua2QvYVBLAwQUAAAIAAAAACEUAAAAAAAAAAAAAAAAAwAAAGjDqVBLAQIUAxQAAAAAAAAAIRQAAAAAAAAAAAAAAAACAAAAAAAAAAAAAADtQQAAAABkL1BLAQIUAxQAAAAIAAAAIRQH1m+QDgAAALQAAAADAAAAAAAAAAAAAACkgSAAAABkL2FQSwECFAMUAAAAAAAAACEUwHUZswIAAAACAAAAAwAAAAAAAAAAAAAA7YFPAAAAcnVuUEsBAhQDFAAAAAAAAAAhFE3TNpgDAAAAAwAAAAQAAAAAAAAAAAAAAP+hcgAAAGxpbmtQSwECFAMUAAAIAAAAACEUAAAAAAAAAAAAAAAAAwAAAAAAAAAAAAAApIGXAAAAaMOpUEsFBgAAAAAFAAUA9QAAALgAAAAAAA=='),
    ('tar', 'KLUv/QBodQQAUgUSFMA9//5fry2I41aqPUmSMHABV3AppCSc3xqseCdVVJxQgnASKv8IqXnpEO2s2SVdY+9dzDmprMGGaHe6bL2NvJX59H1O+h4iFyAQTZSjDv25AmNKHZEBpkaXVdQYEIpiQ4GkqFU8Vh2QoZYBBiBVpK4yFFESjAqLOD5A+uinIsg0LmU59qAA5pNzAw=='),
    ('nothing', 'UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==');
SELECT t.error(format('SELECT quire.restore_snapshot(t.id(2710), decode(%L, ''base64''))', archive)) FROM good WHERE name <> 'nothing';
SELECT quire.update_project(t.id(2710), '{"settings": {"max_project_bytes": null}}') ->> 'name' AS name;
SELECT t.error(format('SELECT quire.restore_snapshot(t.id(2710), decode(%L, ''base64''))', archive)) FROM good WHERE name <> 'nothing';
SELECT t.rows(t.id(2710));
-- what is sound comes in, whatever program made it
SELECT quire.update_project(t.id(2710), '{"settings": {"max_files": null}}') ->> 'name' AS name;
SELECT name, r -> 'seq' AS seq FROM good, LATERAL quire.restore_snapshot(t.id(2710), decode(archive, 'base64')) r WHERE name = 'zip';
SELECT file_path, mode, size, content FROM quire.project_files_current WHERE project_id = t.id(2710) ORDER BY file_path;
SELECT name, r -> 'seq' AS seq, r -> 'bundle_id' AS bundle_id FROM good, LATERAL quire.restore_snapshot(t.id(2710), decode(archive, 'base64')) r WHERE name = 'tar';
SELECT name, r -> 'seq' AS seq FROM good, LATERAL quire.restore_snapshot(t.id(2710), decode(archive, 'base64')) r WHERE name = 'nothing';
SELECT count(*) FROM quire.list_current_files(t.id(2710));
-- a request that is sent again changes nothing; another one with its id is refused
SELECT r -> 'seq' AS seq, r ->> 'bundle_id' IS NOT NULL AS has_id FROM good, LATERAL quire.restore_snapshot(t.id(2710), decode(archive, 'base64'), t.id(1)) r WHERE name = 'zip';
SELECT version FROM quire.upsert_project_file(t.id(2710), 'run', 'since');
SELECT r -> 'seq' AS seq, r ->> 'bundle_id' IS NOT NULL AS has_id FROM good, LATERAL quire.restore_snapshot(t.id(2710), decode(archive, 'base64'), t.id(1)) r WHERE name = 'zip';
SELECT content FROM quire.read_project_file(t.id(2710), 'run');
SELECT t.error(format('SELECT quire.restore_snapshot(t.id(2710), decode(%L, ''base64''), t.id(1))', archive)) FROM good WHERE name = 'tar';
-- DETAIL of every refusal is JSON that the server can read
SELECT name FROM hostile WHERE t.error(format('SELECT quire.restore_snapshot(t.id(2710), decode(%L, ''base64''))', archive)) !~ '^(22023 \| ValidationError|PT413 \| LimitError) \| ';

-- A copy is complete only with the right modes; a hash alone is that of a regular file.
SELECT quire.create_project('modes', t.id(2799)) = t.id(2799) AS created;
SELECT quire.commit_bundle(t.id(2799), '[{"op": "file.put", "file_path": "run.sh", "content": "x", "mode": "100755"}]') ->> 'seq' AS seq;
SELECT mode, content_hash, quire.plan_hydration(t.id(2799), jsonb_build_object('run.sh', content_hash)) -> 'keep' AS hash_alone,
       quire.plan_hydration(t.id(2799), jsonb_build_object('run.sh', jsonb_build_object('content_hash', content_hash, 'mode', '100755'))) - 'checksum' AS whole,
       quire.plan_hydration(t.id(2799), jsonb_build_object('run.sh', jsonb_build_object('content_hash', content_hash, 'mode', '100644'))) -> 'keep' AS other_mode
FROM quire.read_project_file(t.id(2799), 'run.sh');
