-- Garbage collection: what keeps content, what does not, what readers are told; archives.
CREATE FUNCTION pg_temp.hash(content text) RETURNS text LANGUAGE sql AS $$
    SELECT content_hash FROM quire.gc_plan(t.id(2560)) WHERE size = length(content) $$;
CREATE FUNCTION pg_temp.plan() RETURNS TABLE (size bigint, state text, collectable boolean, reason text, refs text) LANGUAGE sql AS $$
    SELECT size, state, is_collectable, regexp_replace(reason, ' by .*', ' by'), (SELECT string_agg(format('%s x %s: %s', r ->> 'kind', r ->> 'count', r ->> 'detail'), '; ')
        FROM jsonb_array_elements("references") r)
    FROM quire.gc_plan(t.id(2560)) ORDER BY size $$;
SELECT quire.create_project('gc', t.id(2560)) IS NOT NULL AS created;
-- Contents of 1, 2, 3, ... bytes: a live file, a replaced version, a tagged one, a deleted file, assets.
SELECT seq FROM quire.upsert_project_file(t.id(2560), 'live', 'x');
SELECT seq FROM quire.upsert_project_file(t.id(2560), 'changed', 'xx');
SELECT seq FROM quire.upsert_project_file(t.id(2560), 'changed', 'xxx');
SELECT quire.tag_project(t.id(2560), 'v1');
SELECT seq FROM quire.upsert_project_file(t.id(2560), 'changed', 'xxxx');
SELECT seq FROM quire.upsert_project_file(t.id(2560), 'deleted', 'xxxxx');
SELECT seq FROM quire.delete_project_file(t.id(2560), 'deleted');
SELECT quire.put_asset(t.id(2560), 'live.png', 'xxxxxx', 'image/png', 'image') ->> 'seq' AS seq;
SELECT quire.put_asset(t.id(2560), 'dead.png', 'xxxxxxx', 'image/png', 'image') ->> 'seq' AS seq;
SELECT quire.delete_asset(t.id(2560), pg_temp.hash('xxxxxxx'), 'old') ->> 'seq' AS seq;
SELECT quire.put_asset(t.id(2560), 'dead.wav', 'xxxxxxxx', 'audio/wav', 'sound') ->> 'seq' AS seq;
SELECT quire.delete_asset(t.id(2560), pg_temp.hash('xxxxxxxx')) ->> 'seq' AS seq;
-- large enough for chunks, compressed
SELECT seq FROM quire.upsert_project_file(t.id(2560), 'large', repeat('chunk', 500000));
SELECT seq FROM quire.upsert_project_file(t.id(2560), 'large', 'x');
SELECT seq FROM quire.upsert_project_file(t.id(2560), 'tagged as well', 'x');
-- inside the retention everything is kept
SELECT * FROM pg_temp.plan();
SELECT quire.gc_run(t.id(2560));
-- what a retention for its type keeps
SELECT quire.update_project(t.id(2560), '{"settings": {"retention_days": 0, "asset_retention_days": {"sound": 1}}}') -> 'settings' AS settings;
SELECT * FROM pg_temp.plan();
SELECT quire.gc_run(t.id(2560), 2);
SELECT r ->> 'collected' AS collected, (r ->> 'freed_bytes')::int > 100 AS freed, r ->> 'remaining' AS remaining FROM quire.gc_run(t.id(2560), 2) r;
SELECT quire.gc_run(t.id(2560), 2);
SELECT * FROM pg_temp.plan();
SELECT s -> 'blobs' AS blobs, s -> 'collected_blobs' AS collected FROM quire.get_project_stats(t.id(2560)) s;
-- Everything that needs no content still answers; what needs it says that it is gone, and since when and why.
SELECT version, size FROM quire.project_file_history(t.id(2560), 'changed');
SELECT file_path, version, size FROM quire.project_files WHERE project_id = t.id(2560) ORDER BY file_path, version;
SELECT count(*) FROM quire.list_current_files(t.id(2560));
SELECT quire.get_asset(t.id(2560), pg_temp.hash('xxxxxxx')) ->> 'state' AS state;
SELECT t.error($$SELECT * FROM quire.read_project_file(t.id(2560), 'changed', 1)$$);
SELECT t.error($$SELECT quire.read_project_file_bytes(t.id(2560), 'changed', 1)$$);
SELECT t.error($$SELECT quire.read_project_file_bytes(t.id(2560), 'large', 1)$$);
SELECT t.error($$SELECT content FROM quire.project_files WHERE project_id = t.id(2560) AND file_path = 'changed' AND version = 1$$);
SELECT t.error($$SELECT content FROM quire.list_files_at(t.id(2560), 2)$$);
SELECT t.error($$SELECT quire.diff_project_file(t.id(2560), 'changed', 1, 2)$$);
SELECT t.error($$SELECT quire.create_project_snapshot(t.id(2560), at_seq => 2)$$);
SELECT t.error($$SELECT quire.plan_hydration(t.id(2560), '{}', 2)$$);
DO $$
DECLARE
    detail text;
BEGIN
    PERFORM quire.read_project_file_bytes(t.id(2560), 'changed', 1);
EXCEPTION WHEN SQLSTATE 'PT410' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RAISE NOTICE '% % % %', detail::jsonb ->> 'code', detail::jsonb ->> 'state', detail::jsonb ? 'when',
        regexp_replace(detail::jsonb ->> 'why', ' by .*', ' by');
END
$$;
-- events go on
SELECT seq, event, payload -> 'content' AS content, payload -> 'content_omitted' AS omitted, payload -> 'content_unavailable' AS unavailable
FROM quire.poll_events(t.id(2560)) WHERE event LIKE 'file:%' AND seq < 6;
-- restores to it are refused, and then nothing is written
SELECT t.rows(t.id(2560)) AS before;
SELECT t.error($$SELECT quire.restore_project_file(t.id(2560), 'changed', 1)$$);
SELECT t.error($$SELECT quire.restore_project(t.id(2560), 2)$$);
SELECT t.error(format('SELECT quire.commit_bundle(t.id(2560), %L)', jsonb_build_array(
    jsonb_build_object('op', 'asset.put', 'filename', 'a', 'media_type', 'a/b', 'asset_type', 't', 'content_hash', pg_temp.hash('xxxxxxx')))));
SELECT t.rows(t.id(2560)) AS after;
-- a point in time whose content is there is restored
SELECT r ->> 'seq' AS seq FROM quire.restore_project(t.id(2560), 3) r;
-- writing it again brings it back, whole and in chunks, as a file and as an asset, alone and with others
SELECT version FROM quire.upsert_project_file(t.id(2560), 'again', 'xx');
SELECT version FROM quire.upsert_project_file(t.id(2560), 'large again', repeat('chunk', 500000));
SELECT quire.put_asset(t.id(2560), 'dead.png', 'xxxxxxx', 'image/png', 'image') ->> 'status' AS status;
SELECT r ->> 'success' AS success FROM quire.bulk_upsert_project_files(t.id(2560), '[{"file_path": "m", "content": "xxxxx"}, {"file_path": "n", "content": "new one"}]') r;
SELECT content, length(content) FROM quire.read_project_file(t.id(2560), 'changed', 1);
SELECT length(content) FROM quire.read_project_file(t.id(2560), 'large', 1);
SELECT * FROM pg_temp.plan();
-- a tag, and a longer retention, count at once
SELECT version FROM quire.delete_project_file(t.id(2560), 'm');
SELECT size FROM quire.gc_plan(t.id(2560)) WHERE is_collectable;
SELECT quire.tag_project(t.id(2560), 'v2', (SELECT seq - 1 FROM quire.project_files WHERE project_id = t.id(2560) AND file_path = 'm' AND is_deleted));
SELECT quire.gc_run(t.id(2560));
SELECT version FROM quire.delete_project_file(t.id(2560), 'n');
SELECT quire.update_project(t.id(2560), '{"settings": {"retention_days": 1}}') IS NOT NULL AS changed;
SELECT quire.gc_run(t.id(2560));

-- Archives: the owner shows with the SHA-256 to have the bytes.
SELECT pg_temp.hash('xxxxxx') AS live_asset, pg_temp.hash('x') AS live_file \gset
SELECT t.error(format('SELECT quire.archive_blob(t.id(2560), %L, repeat(''0'', 64))', :'live_asset'));
SELECT t.error(format('SELECT quire.archive_blob(t.id(2560), %L, %L)', :'live_file', encode(sha256('x'), 'hex')));
SELECT t.error($$SELECT quire.archive_blob(t.id(2560), repeat('0', 64), repeat('0', 64))$$);
SELECT t.error(format('SELECT quire.archive_blob(t.id(2560), %L, NULL)', :'live_asset'));
SELECT t.error($$SELECT quire.archive_blob(t.id(2560), NULL, repeat('0', 64))$$);
SELECT t.error(format('SELECT quire.archive_blob(t.id(2560), %L, ''x'')', :'live_asset'));
SELECT quire.archive_blob(t.id(2560), :'live_asset', encode(sha256('xxxxxx'), 'hex')) - 'content_hash' AS archived;
SELECT quire.archive_blob(t.id(2560), :'live_asset', encode(sha256('xxxxxx'), 'hex')) - 'content_hash' AS again;
SELECT t.error(format('SELECT quire.read_asset_range(t.id(2560), %L)', :'live_asset'));
SELECT quire.get_asset(t.id(2560), :'live_asset') ->> 'state' AS state;
SELECT size, state, collectable, reason, refs FROM pg_temp.plan() WHERE size = 6;
SELECT t.error(format('SELECT quire.restore_blob(t.id(2560), %L, ''xxxxxy'')', :'live_asset'));
SELECT t.error(format('SELECT quire.restore_blob(t.id(2560), %L, ''xxxxx'')', :'live_asset'));
SELECT t.error(format('SELECT quire.restore_blob(t.id(2560), %L, NULL)', :'live_asset'));
SELECT t.error($$SELECT quire.restore_blob(t.id(2560), repeat('0', 64), 'x')$$);
SELECT quire.restore_blob(t.id(2560), :'live_asset', 'xxxxxx') - 'content_hash' AS restored;
SELECT quire.restore_blob(t.id(2560), :'live_asset', 'xxxxxx') - 'content_hash' AS again;
SELECT quire.read_asset_range(t.id(2560), :'live_asset');
-- in chunks: what is archived and what came by an upload
SELECT quire.begin_upload(t.id(2560), 'large.bin', 'a/b', 'data') AS upload \gset
SELECT quire.append_upload(t.id(2560), :'upload', 1, decode(repeat('07', 3000000), 'hex'));
SELECT quire.finish_upload(t.id(2560), :'upload') ->> 'content_hash' AS large \gset
SELECT quire.archive_blob(t.id(2560), :'large', encode(sha256(decode(repeat('07', 3000000), 'hex')), 'hex')) ->> 'state' AS state;
SELECT t.error(format('SELECT quire.read_asset_range(t.id(2560), %L, 5, 5)', :'large'));
SELECT quire.begin_upload(t.id(2560), 'large.bin', 'a/b', 'data') AS upload \gset
SELECT quire.append_upload(t.id(2560), :'upload', 1, decode(repeat('07', 3000000), 'hex'));
SELECT quire.finish_upload(t.id(2560), :'upload') ->> 'status' AS status;
SELECT quire.get_asset(t.id(2560), :'large') ->> 'state' AS state;
SELECT quire.archive_blob(t.id(2560), :'large', encode(sha256(decode(repeat('07', 3000000), 'hex')), 'hex')) ->> 'state' AS state;
SELECT quire.put_asset(t.id(2560), 'large.bin', decode(repeat('07', 3000000), 'hex'), 'a/b', 'data') ->> 'status' AS status;
SELECT quire.get_asset(t.id(2560), :'large') ->> 'state' AS state;
SELECT quire.begin_upload(t.id(2560), 'larger.bin', 'a/b', 'data') AS upload \gset
SELECT quire.append_upload(t.id(2560), :'upload', 1, decode(repeat('07', 3000000), 'hex'));
SELECT quire.finish_upload(t.id(2560), :'upload') ->> 'status' AS status;
SELECT quire.read_asset_range(t.id(2560), :'large', 5, 5);
-- arguments and callers
SELECT t.error($$SELECT quire.gc_run(t.id(2560), 0)$$);
SELECT t.error($$SELECT quire.gc_run(t.id(2560), NULL)$$);
SELECT t.error($$SELECT quire.gc_run(NULL)$$);
SELECT t.error($$SELECT * FROM quire.gc_plan(NULL)$$);
SELECT t.error($$SELECT quire.update_project(t.id(2560), '{"settings": {"retention_days": -1}}')$$);
SELECT t.error($$SELECT quire.update_project(t.id(2560), '{"settings": {"asset_retention_days": {"image": "1"}}}')$$);
SELECT quire.archive_project(t.id(2560)) ->> 'status' AS status;
SELECT t.error($$SELECT quire.gc_run(t.id(2560))$$);
SELECT t.error(format('SELECT quire.restore_blob(t.id(2560), %L, ''xxxxxx'')', :'live_asset'));
SELECT quire.delete_project(t.id(2560), 'gc');
\c - regress_alice
SELECT quire.create_project('gc', t.id(2561)) IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(2561), t.actor('bob'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT t.error($$SELECT quire.gc_run(t.id(2561))$$);
SELECT t.error($$SELECT * FROM quire.gc_plan(t.id(2561))$$);
SELECT t.error($$SELECT quire.archive_blob(t.id(2561), repeat('0', 64), repeat('0', 64))$$);
SELECT t.error($$SELECT quire.restore_blob(t.id(2561), repeat('0', 64), 'x')$$);
-- what is inside the retention by its time: current until yesterday, and until the day before
\c - postgres
SELECT quire.create_project('aged', t.id(2562), settings => '{"retention_days": 2}') IS NOT NULL AS created;
SELECT seq FROM quire.upsert_project_file(t.id(2562), 'f', '1');
SELECT seq FROM quire.upsert_project_file(t.id(2562), 'f', '22');
SELECT seq FROM quire.upsert_project_file(t.id(2562), 'f', '333');
SELECT seq FROM quire.upsert_project_file(t.id(2562), 'f', '4444');
SET session_replication_role = replica;
UPDATE quire_store.project_files SET committed_at = committed_at - (5 - bundle_seq) * interval '1 day' WHERE project_id = t.id(2562);
RESET session_replication_role;
SELECT size, reason FROM quire.gc_plan(t.id(2562)) ORDER BY size;
SELECT quire.gc_run(t.id(2562)) ->> 'collected' AS collected;
SELECT content FROM quire.list_files_at(t.id(2562), 3);
SELECT t.error($$SELECT content FROM quire.list_files_at(t.id(2562), 2)$$);
