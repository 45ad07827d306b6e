-- Assets: put, deleted, listed, read by range; uploads in pieces.
SELECT quire.create_project('assets', t.id(2550)) IS NOT NULL AS created;
SELECT quire.put_asset(t.id(2550), 'a.png', '\x89504e47', 'image/png', 'image') - 'checksum' AS a;
SELECT quire.put_asset(t.id(2550), 'a.png', '\x89504e47', 'image/png', 'image') ->> 'status' AS again;
SELECT quire.put_asset(t.id(2550), 'b.png', '\x89504e47', 'image/png', 'image') - ARRAY['content_hash', 'checksum'] AS renamed;
SELECT quire.put_asset(t.id(2550), 'n.txt', 'note', 'text/plain; charset=utf-8', 'note') ->> 'seq' AS seq;
SELECT content_hash AS a FROM quire.list_assets(t.id(2550), 'image') \gset
SELECT filename, media_type, asset_type, size, seq FROM quire.list_assets(t.id(2550));
SELECT filename FROM quire.list_assets(t.id(2550), 'nothing');
SELECT quire.get_asset(t.id(2550), :'a') - ARRAY['updated_at', 'actor', 'checksum'] AS a;
SELECT quire.read_asset_range(t.id(2550), :'a'), quire.read_asset_range(t.id(2550), :'a', 1, 2), quire.read_asset_range(t.id(2550), :'a', 3, 10),
    quire.read_asset_range(t.id(2550), :'a', 99), quire.read_asset_range(t.id(2550), :'a', 0, 0);
SELECT quire.delete_asset(t.id(2550), :'a', 'not ours') - 'checksum' AS deleted;
SELECT quire.get_asset(t.id(2550), :'a') - ARRAY['updated_at', 'actor', 'checksum'] AS a;
SELECT count(*) FROM quire.list_assets(t.id(2550), 'image');
SELECT t.error(format('SELECT quire.read_asset_range(t.id(2550), %L)', :'a'));
SELECT t.error(format('SELECT quire.delete_asset(t.id(2550), %L)', :'a'));
-- the project has the content, so its hash brings it back
SELECT r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2550), jsonb_build_array(
    jsonb_build_object('op', 'asset.put', 'filename', 'c.png', 'media_type', 'image/png', 'asset_type', 'image', 'content_hash', :'a'))) r;
-- mixed with others, told in the order given
SELECT r -> 'ops' AS ops FROM quire.commit_bundle(t.id(2550), jsonb_build_array(
    jsonb_build_object('op', 'asset.put', 'filename', 'new', 'media_type', 'a/b', 'asset_type', 'data', 'content_base64', 'AAE='),
    jsonb_build_object('op', 'file.put', 'file_path', 'f', 'content', 'x'),
    jsonb_build_object('op', 'field.set', 'entity_type', 'shot', 'entity_id', '1', 'field', 'still', 'value', :'a'),
    jsonb_build_object('op', 'asset.delete', 'content_hash', :'a'),
    jsonb_build_object('op', 'asset.put', 'filename', 'c.png', 'media_type', 'image/png', 'asset_type', 'image', 'content_hash', :'a'))) r;
SELECT seq, ordinal, op, target = :'a' AS is_a, before, after - 'content_hash' AS after, entity FROM quire.oplog WHERE project_id = t.id(2550) AND op LIKE 'asset.%' ORDER BY seq, ordinal;
SELECT seq, event, payload - 'timestamp' - 'sender' AS payload FROM quire.poll_events(t.id(2550));
-- a subscription to paths hears of files only
SELECT quire.create_subscription(t.id(2550), 'files', '{"paths": ["**"]}');
SELECT seq, event, payload ? 'assets' AS has_assets FROM quire.poll_subscription(t.id(2550), 'files');
SELECT quire.create_subscription(t.id(2550), 'assets', '{"events": ["asset:update"]}');
SELECT seq, event FROM quire.poll_subscription(t.id(2550), 'assets');
SELECT p -> 'asset_bytes' AS asset_bytes, p -> 'total_bytes' AS total_bytes FROM quire.get_project(t.id(2550)) p;
SELECT s -> 'assets' AS assets, s -> 'asset_bytes' AS asset_bytes FROM quire.get_project_stats(t.id(2550)) s;
-- a repeated request
SELECT quire.put_asset(t.id(2550), 'r', 'repeated', 'a/b', 'data', t.id(1)) ->> 'status' AS status;
SELECT quire.put_asset(t.id(2550), 'r', 'repeated', 'a/b', 'data', t.id(1)) ->> 'status' AS status;
SELECT t.error($$SELECT quire.put_asset(t.id(2550), 'other', 'repeated', 'a/b', 'data', t.id(1))$$);

-- Content that only another project has is not attached by its hash.
SELECT quire.create_project('other', t.id(2551)) IS NOT NULL AS created;
SELECT quire.put_asset(t.id(2551), 'secret', 'only here', 'text/plain', 'note') ->> 'content_hash' AS secret \gset
SELECT t.error(format('SELECT quire.commit_bundle(t.id(2550), %L)', jsonb_build_array(
    jsonb_build_object('op', 'asset.put', 'filename', 's', 'media_type', 'a/b', 'asset_type', 'data', 'content_hash', :'secret'))));
SELECT t.error(format('SELECT quire.get_asset(t.id(2550), %L)', :'secret'));
SELECT t.error(format('SELECT quire.read_asset_range(t.id(2550), %L)', :'secret'));
SELECT t.error(format('SELECT quire.delete_asset(t.id(2550), %L)', :'secret'));

-- refused, and then nothing is written
SELECT t.rows(t.id(2550)) AS before;
SELECT t.error($$SELECT quire.put_asset(NULL, 'a', 'x', 'a/b', 't')$$);
SELECT t.error($$SELECT quire.put_asset(t.id(2550), NULL, 'x', 'a/b', 't')$$);
SELECT t.error($$SELECT quire.put_asset(t.id(2550), 'a', NULL, 'a/b', 't')$$);
SELECT t.error($$SELECT quire.put_asset(t.id(2550), 'a', 'x', NULL, 't')$$);
SELECT t.error($$SELECT quire.put_asset(t.id(2550), 'a', 'x', 'a/b', NULL)$$);
SELECT t.error($$SELECT quire.put_asset(t.id(2550), 'dir/a', 'x', 'a/b', 't')$$);
SELECT t.error($$SELECT quire.put_asset(t.id(2550), 'a', 'x', 'png', 't')$$);
SELECT t.error($$SELECT quire.put_asset(t.id(2550), 'a', 'x', E'a/b\r\nx', 't')$$);
SELECT t.error($$SELECT quire.put_asset(t.id(2550), 'a', 'x', 'a/b', '')$$);
SELECT t.error($$SELECT quire.get_asset(t.id(2550), NULL)$$);
SELECT t.error($$SELECT quire.get_asset(t.id(2550), 'abc')$$);
SELECT t.error($$SELECT quire.get_asset(t.id(2550), repeat('A', 64))$$);
SELECT t.error($$SELECT quire.delete_asset(t.id(2550), NULL)$$);
SELECT t.error($$SELECT quire.delete_asset(t.id(2550), repeat('0', 64), E'a\nb')$$);
SELECT t.error(format('SELECT quire.read_asset_range(t.id(2550), %L, -1)', :'a'));
SELECT t.error(format('SELECT quire.read_asset_range(t.id(2550), %L, 0, -1)', :'a'));
SELECT t.error(format('SELECT quire.read_asset_range(t.id(2550), %L, NULL)', :'a'));
SELECT t.error($$SELECT * FROM quire.list_assets(t.id(2550), '')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2550), '[{"op": "asset.put", "filename": "a", "media_type": "a/b", "asset_type": "t"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2550), '[{"op": "asset.put", "filename": "a", "media_type": "a/b", "asset_type": "t", "content_base64": "!"}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2550), '[{"op": "asset.put", "filename": "a", "media_type": "a/b", "asset_type": "t", "content_base64": "AA==", "size": 1}]')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2550), '[{"op": "asset.delete", "content_hash": "x"}]')$$);
SELECT t.rows(t.id(2550)) AS after;

-- Uploads: pieces of any size in any order, cut anew into chunks.
SELECT quire.begin_upload(t.id(2550), 'large.bin', 'application/octet-stream', 'data') AS upload \gset
SELECT quire.append_upload(t.id(2550), :'upload', 2, decode(repeat('0102', 1000000), 'hex'));
SELECT t.error(format('SELECT quire.finish_upload(t.id(2550), %L)', :'upload'));
SELECT quire.append_upload(t.id(2550), :'upload', 1, decode(repeat('03', 700001), 'hex'));
SELECT quire.append_upload(t.id(2550), :'upload', 1, decode(repeat('03', 700001), 'hex')) AS again;
SELECT t.error(format('SELECT quire.append_upload(t.id(2550), %L, 1, ''x'')', :'upload'));
SELECT quire.append_upload(t.id(2550), :'upload', 3, '');
SELECT t.error(format('SELECT quire.finish_upload(t.id(2550), %L, repeat(''0'', 64))', :'upload'));
SELECT quire.finish_upload(t.id(2550), :'upload') - 'checksum' AS large;
SELECT t.error(format('SELECT quire.finish_upload(t.id(2550), %L)', :'upload'));
SELECT t.error(format('SELECT quire.append_upload(t.id(2550), %L, 4, ''x'')', :'upload'));
SELECT content_hash AS large FROM quire.list_assets(t.id(2550)) WHERE filename = 'large.bin' \gset
SELECT quire.read_asset_range(t.id(2550), :'large') = decode(repeat('03', 700001), 'hex') || decode(repeat('0102', 1000000), 'hex') AS is_whole;
SELECT start, quire.read_asset_range(t.id(2550), :'large', start, 5) FROM unnest('{0,700000,1048574,2097150,2700000,2700001}'::bigint[]) start;
SELECT octet_length(quire.read_asset_range(t.id(2550), :'large', 1048570, 1500000)) AS bytes;
-- as put_asset would have stored it: the same content again is there already, and leaves nothing behind
SELECT quire.begin_upload(t.id(2550), 'again.bin', 'application/octet-stream', 'data') AS upload \gset
SELECT quire.append_upload(t.id(2550), :'upload', 1, quire.read_asset_range(t.id(2550), :'large'));
SELECT quire.finish_upload(t.id(2550), :'upload', :'large') ->> 'status' AS status;
SELECT quire.put_asset(t.id(2550), 'again.bin', quire.read_asset_range(t.id(2550), :'large'), 'application/octet-stream', 'data') ->> 'status' AS status;
SELECT quire.begin_upload(t.id(2550), 'small', 'a/b', 'data') AS upload \gset
SELECT quire.finish_upload(t.id(2550), :'upload') -> 'size' AS empty;
-- limits
SELECT quire.update_project(t.id(2550), '{"settings": {"max_file_bytes": 10, "max_asset_bytes": 20}}') -> 'settings' AS settings;
SELECT t.error($$SELECT quire.put_asset(t.id(2550), 'a', 'eleven byte', 'a/b', 't')$$);
SELECT t.error($$SELECT quire.commit_bundle(t.id(2550), '[{"op": "asset.put", "filename": "a", "media_type": "a/b", "asset_type": "t", "content_base64": "AAAAAAAAAAAAAAAA"}]')$$);
SELECT quire.begin_upload(t.id(2550), 'u', 'a/b', 'data') AS upload \gset
SELECT quire.append_upload(t.id(2550), :'upload', 1, 'eleven byte');
SELECT t.error(format('SELECT quire.append_upload(t.id(2550), %L, 2, ''eleven byte'')', :'upload'));
SELECT t.error(format('SELECT quire.append_upload(t.id(2550), %L, 2, decode(repeat(''00'', 16777217), ''hex''))', :'upload'));
SELECT t.error(format('SELECT quire.append_upload(t.id(2550), %L, 0, ''x'')', :'upload'));
SELECT t.error(format('SELECT quire.append_upload(t.id(2550), %L, 2, NULL)', :'upload'));
SELECT t.error($$SELECT quire.append_upload(t.id(2550), NULL, 2, '')$$);
SELECT t.error($$SELECT quire.append_upload(t.id(2550), t.id(9), 2, '')$$);
SELECT t.error($$SELECT quire.begin_upload(t.id(2550), 'u', 'a/b', 'data', '8 days')$$);
SELECT t.error($$SELECT quire.begin_upload(t.id(2550), 'u', 'a/b', 'data', NULL)$$);
SELECT t.error($$SELECT quire.begin_upload(t.id(2550), 'u/v', 'a/b', 'data')$$);
-- live assets count into max_project_bytes
SELECT (p ->> 'total_bytes')::int + (p ->> 'asset_bytes')::int AS bytes FROM quire.get_project(t.id(2550)) p \gset
SELECT quire.update_project(t.id(2550), jsonb_build_object('settings', jsonb_build_object('max_project_bytes', :bytes + 3))) IS NOT NULL AS changed;
SELECT t.error($$SELECT quire.put_asset(t.id(2550), 'q', 'four', 'a/b', 't')$$);
SELECT t.error($$SELECT quire.upsert_project_file(t.id(2550), 'q', 'four')$$);
SELECT t.error(format('SELECT quire.finish_upload(t.id(2550), %L)', :'upload'));
SELECT quire.put_asset(t.id(2550), 'q', 'two', 'a/b', 't') ->> 'status' AS status;
-- so does what is being uploaded
SELECT quire.begin_upload(t.id(2550), 'v', 'a/b', 'data') AS second \gset
SELECT t.error(format('SELECT quire.append_upload(t.id(2550), %L, 1, ''x'')', :'second'));
SELECT quire.update_project(t.id(2550), '{"settings": {"max_project_bytes": null}}') IS NOT NULL AS changed;
-- nobody has too many open
SELECT count(quire.begin_upload(t.id(2550), 'w', 'a/b', 'data', '1 second')) FROM generate_series(1, 98);
SELECT t.error($$SELECT quire.begin_upload(t.id(2550), 'w', 'a/b', 'data')$$);
SELECT pg_sleep(1.1);
-- expired
SELECT quire.begin_upload(t.id(2550), 'e', 'a/b', 'data', '1 second') AS expired \gset
SELECT quire.append_upload(t.id(2550), :'expired', 1, 'x');
\c - postgres
UPDATE quire_store.upload SET expires_at = clock_timestamp() - interval '1 second' WHERE upload_id = :'expired';
SELECT t.error(format('SELECT quire.append_upload(t.id(2550), %L, 2, ''x'')', :'expired'));
SELECT t.error(format('SELECT quire.finish_upload(t.id(2550), %L)', :'expired'));
SELECT quire.begin_upload(t.id(2550), 'f', 'a/b', 'data') IS NOT NULL AS begun;
SELECT count(*) FROM quire_store.upload_piece WHERE upload_id = :'expired';
SELECT t.error(format('SELECT quire.finish_upload(t.id(2550), %L)', :'expired'));
-- nothing is left under an upload's id
SELECT count(*) FROM quire_store.blob WHERE octet_length(hash) <> 32;

-- Who may: whoever began it, and owners.
\c - regress_alice
SELECT quire.create_project('uploads', t.id(2552)) IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(2552), t.actor('bob'), 'editor') ->> 'role' AS role;
SELECT quire.set_project_member(t.id(2552), t.actor('carol'), 'editor') ->> 'role' AS role;
\c - regress_bob
SELECT quire.begin_upload(t.id(2552), 'u', 'a/b', 'data') AS upload \gset
SELECT quire.append_upload(t.id(2552), :'upload', 1, 'x');
\c - regress_carol
SELECT t.error(format('SELECT quire.append_upload(t.id(2552), %L, 2, ''x'')', :'upload'));
SELECT t.error(format('SELECT quire.finish_upload(t.id(2552), %L)', :'upload'));
\c - regress_alice
SELECT quire.append_upload(t.id(2552), :'upload', 2, 'y');
SELECT quire.finish_upload(t.id(2552), :'upload') -> 'size' AS size;
SELECT quire.begin_upload(t.id(2552), 'u', 'a/b', 'data') IS NOT NULL AS begun;
SELECT quire.archive_project(t.id(2552)) ->> 'status' AS status;
SELECT t.error($$SELECT quire.put_asset(t.id(2552), 'q', 'two', 'a/b', 't')$$);
SELECT t.error($$SELECT quire.begin_upload(t.id(2552), 'q', 'a/b', 't')$$);
SELECT quire.delete_project(t.id(2552), 'uploads');
\c - postgres
SELECT count(*) FROM quire_store.asset_op WHERE project_id = t.id(2552);
SELECT count(*) FROM quire_store.blob WHERE project_id = t.id(2552);
