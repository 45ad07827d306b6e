-- What goes with a seq: every answer that has one tells the checksum of the log there, and who gives a seq may give it back.
\c - regress_alice
SELECT quire.create_project('checksum', t.id(5100)) IS NOT NULL AS created;
SELECT count(quire.commit_bundle(t.id(5100), jsonb_build_array(
    jsonb_build_object('op', 'file.put', 'file_path', 'f' || n, 'content', n::text),
    jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', n::text, 'field', 'x', 'value', n)))) FROM generate_series(1, 3) n;
SELECT quire.put_asset(t.id(5100), 'a', 'x', 'a/b', 't') -> 'seq' AS seq;
SELECT quire.tag_project(t.id(5100), 'two', 2) AS seq;
SELECT quire.begin_job(t.id(5100), 'job') IS NOT NULL AS begun;
SELECT quire.create_subscription(t.id(5100), 's', '{}', 2);
SELECT quire.create_project_snapshot(t.id(5100)) -> 'seq' AS seq;

-- Every answer with a seq has a checksum, and it is that bundle's: whole in receipts and of the project, else its first 16 digits.
CREATE TEMP TABLE log AS SELECT seq, checksum FROM quire.bundles WHERE project_id = t.id(5100) UNION ALL SELECT 0, repeat('0', 64);
CREATE TEMP TABLE told (f text, seq bigint, checksum text);
INSERT INTO told
    SELECT 'poll_events', seq, checksum FROM quire.poll_events(t.id(5100))
    UNION ALL SELECT 'poll_subscription', seq, checksum FROM quire.poll_subscription(t.id(5100), 's', lease => '0 s')
    UNION ALL SELECT 'list_subscriptions', cursor_seq, cursor_checksum FROM quire.list_subscriptions(t.id(5100))
    UNION ALL SELECT 'list_files_at', seq, checksum FROM quire.list_files_at(t.id(5100), 3)
    UNION ALL SELECT 'list_files_at in pages', seq, checksum FROM quire.list_files_at(t.id(5100), 3, max_files => 2)
    UNION ALL SELECT 'read_project_file', seq, checksum FROM quire.read_project_file(t.id(5100), 'f2')
    UNION ALL SELECT 'list_entities', seq, checksum FROM quire.list_entities(t.id(5100), 't')
    UNION ALL SELECT 'list_entities_at', seq, checksum FROM quire.list_entities_at(t.id(5100), 2)
    UNION ALL SELECT 'get_entity', (e ->> 'seq')::bigint, e ->> 'checksum' FROM quire.get_entity(t.id(5100), 't', '1') e
    UNION ALL SELECT 'list_assets', seq, checksum FROM quire.list_assets(t.id(5100))
    UNION ALL SELECT 'get_asset', (a ->> 'seq')::bigint, a ->> 'checksum' FROM quire.list_assets(t.id(5100)) l, quire.get_asset(t.id(5100), l.content_hash) a
    UNION ALL SELECT 'list_project_tags', seq, checksum FROM quire.list_project_tags(t.id(5100))
    UNION ALL SELECT 'list_projects', seq, checksum FROM quire.list_projects() WHERE project_id = t.id(5100)
    UNION ALL SELECT 'list_jobs', began_seq, began_checksum FROM quire.list_jobs(t.id(5100))
    UNION ALL SELECT 'list_snapshots', seq, checksum FROM quire.list_snapshots(t.id(5100))
    UNION ALL SELECT 'get_snapshot_manifest', (m ->> 'seq')::bigint, m ->> 'checksum' FROM quire.list_snapshots(t.id(5100)) l, quire.get_snapshot_manifest(t.id(5100), l.snapshot_id) m
    UNION ALL SELECT 'create_project_snapshot', (s ->> 'seq')::bigint, s ->> 'checksum' FROM unnest(ARRAY[0, 2, 4]) at, quire.create_project_snapshot(t.id(5100), at_seq => at) s
    UNION ALL SELECT 'plan_hydration', (p ->> 'seq')::bigint, p ->> 'checksum' FROM unnest(ARRAY[0, 2]) at, quire.plan_hydration(t.id(5100), '{}', at) p
    UNION ALL SELECT 'get_project', (p ->> 'seq')::bigint, p ->> 'checksum' FROM quire.get_project(t.id(5100)) p;
INSERT INTO log SELECT seq, checksum FROM quire.bundles b WHERE project_id = t.id(5100) AND NOT EXISTS (SELECT FROM log l WHERE l.seq = b.seq);
SELECT told.f, count(*), bool_and(log.checksum LIKE told.checksum || '%') AS sound, min(length(told.checksum)) AS digits FROM told LEFT JOIN log USING (seq) GROUP BY told.f ORDER BY told.f;
-- Receipts: whole, also when nothing changed.
CREATE TEMP TABLE receipt (f text, r jsonb);
INSERT INTO receipt SELECT 'upsert_project_file', to_jsonb(r) FROM quire.upsert_project_file(t.id(5100), 'g', 'new') r;
INSERT INTO receipt SELECT 'upsert_project_file, again', to_jsonb(r) FROM quire.upsert_project_file(t.id(5100), 'f1', '1') r;
INSERT INTO receipt SELECT 'move_project_file', to_jsonb(r) FROM quire.move_project_file(t.id(5100), 'g', 'h', correlation_id => t.id(1)) r;
INSERT INTO receipt SELECT 'delete_project_file', to_jsonb(r) FROM quire.delete_project_file(t.id(5100), 'h') r;
INSERT INTO receipt SELECT 'move_project_file, repeated', to_jsonb(r) FROM quire.move_project_file(t.id(5100), 'g', 'h', correlation_id => t.id(1)) r;
INSERT INTO receipt SELECT 'commit_bundle', r FROM quire.commit_bundle(t.id(5100), '[{"op": "file.put", "file_path": "f1", "content": "2"}]', correlation_id => t.id(2)) r;
INSERT INTO receipt SELECT 'commit_bundle, nothing', r FROM quire.commit_bundle(t.id(5100), '[{"op": "file.put", "file_path": "f1", "content": "2"}]') r;
INSERT INTO receipt SELECT 'commit_bundle, repeated', r FROM quire.commit_bundle(t.id(5100), '[{"op": "file.put", "file_path": "f1", "content": "2"}]', correlation_id => t.id(2)) r;
INSERT INTO receipt SELECT 'undo', r FROM quire.undo(t.id(5100)) r;
INSERT INTO receipt SELECT 'bulk_upsert_project_files', r FROM quire.bulk_upsert_project_files(t.id(5100), '[{"file_path": "f1", "content": "3"}]') r;
INSERT INTO receipt SELECT 'restore_project', r FROM quire.restore_project(t.id(5100), 3) r;
INSERT INTO receipt SELECT 'restore_project, dry', r FROM quire.restore_project(t.id(5100), 2, true) r;
INSERT INTO receipt SELECT 'put_asset', r FROM quire.put_asset(t.id(5100), 'b', 'y', 'a/b', 't') r;
SELECT r.f, b.checksum = r.r ->> 'checksum' AS sound FROM receipt r LEFT JOIN quire.bundles b ON b.project_id = t.id(5100) AND b.seq = (r.r ->> 'seq')::bigint ORDER BY r.f;

-- Given back: the right one in every length, another one, none of the form, and one without its seq.
SELECT left(checksum, 16) AS right16, checksum AS right64, left(checksum, 40) AS right40 FROM log WHERE seq = 2 \gset
SELECT seq FROM quire.poll_events(t.id(5100), 2, 1, after_checksum => :'right16');
CREATE TEMP TABLE given (f text, statement text, state text);
INSERT INTO given VALUES
    ('poll_events', 'SELECT count(*) FROM quire.poll_events(t.id(5100), %1$s, 1, after_checksum => %2$L)', 'PT410'),
    ('create_subscription', 'SELECT quire.create_subscription(t.id(5100), gen_random_uuid()::text, ''{}'', %1$s, %2$L)', 'PT410'),
    ('poll_subscription', 'SELECT count(*) FROM quire.poll_subscription(t.id(5100), ''s'', 1, ''0 s'', %1$s, %2$L)', 'PT410'),
    ('ack_subscription', 'SELECT quire.ack_subscription(t.id(5100), ''s'', %1$s, %2$L)', 'PT410'),
    ('commit_bundle', 'SELECT quire.commit_bundle(t.id(5100), jsonb_build_array(jsonb_build_object(''op'', ''file.put'', ''file_path'', gen_random_uuid()::text, ''content'', ''1'')), base_seq => %1$s, base_checksum => %2$L)', 'PT409'),
    ('finish_job', 'SELECT quire.finish_job(t.id(5100), quire.begin_job(t.id(5100), ''short''), base_seq => %1$s, base_checksum => %2$L)', 'PT409'),
    ('create_project_snapshot, at', 'SELECT quire.create_project_snapshot(t.id(5100), at_seq => %1$s, at_checksum => %2$L)', 'PT410'),
    ('create_project_snapshot, since', 'SELECT quire.create_project_snapshot(t.id(5100), after_seq => %1$s, after_checksum => %2$L)', 'PT410'),
    ('plan_hydration', 'SELECT quire.plan_hydration(t.id(5100), ''{}'', %1$s, %2$L)', 'PT410'),
    ('sync_pull', 'SELECT quire.sync_pull(t.id(5100), ''p'', 100, %1$s, %2$L)', 'PT409'),
    ('sync_ack', 'SELECT quire.sync_ack(t.id(5100), ''p'', %1$s, %2$L)', 'PT409'),
    ('sync_push', 'SELECT count(*) FROM quire.sync_push(t.id(5100), ''p%1$s'', 2, ''[]'', %2$L, %1$s, %2$L)', 'PT409');
GRANT SELECT ON given TO PUBLIC;
SELECT g.f, c.checksum, t.error(format(g.statement, 2, c.checksum)) AS answer FROM given g, (VALUES (1, :'right16'), (2, :'right40'), (3, :'right64')) c (n, checksum)
    WHERE t.error(format(g.statement, 2, c.checksum)) <> 'no error';
SELECT g.f, left(t.error(format(g.statement, 2, repeat('12', 8))), 80) AS answer, t.error(format(g.statement, 2, repeat('12', 8))) LIKE g.state || ' |%' AS as_said FROM given g ORDER BY g.f;
SELECT g.f, left(t.error(format(g.statement, 99, :'right16')), 80) AS answer, t.error(format(g.statement, 99, :'right16')) LIKE g.state || ' |%' AS as_said FROM given g ORDER BY g.f;
SELECT DISTINCT left(t.error(format(g.statement, 2, c)), 60) AS answer FROM given g, unnest(ARRAY['', '12', upper(:'right16'), repeat('x', 16), :'right64' || '0', repeat('1', 100000)]) c ORDER BY 1;
SELECT g.f, t.error(format(g.statement, 'NULL', :'right16')) AS answer FROM given g ORDER BY g.f;
-- At the beginning every log is the same.
SELECT g.f, t.error(format(g.statement, 0, repeat('0', 16))) AS answer FROM given g WHERE t.error(format(g.statement, 0, repeat('0', 16))) <> 'no error' ORDER BY g.f;
-- The list is complete.
SELECT p.proname, a.name FROM pg_proc p, unnest(p.proargnames) a (name)
WHERE p.pronamespace = 'quire'::regnamespace AND a.name LIKE '%checksum' AND array_position(p.proargnames, a.name) <= p.pronargs
    AND p.proname NOT IN (SELECT split_part(f, ',', 1) FROM given) ORDER BY 1, 2;
SELECT t.detail($$SELECT * FROM quire.poll_events(t.id(5100), 2, after_checksum => '1234567890123456')$$) AS detail;
SELECT quire.delete_subscription(t.id(5100), 's');

-- A subscription whose log is another one: what it has seen is not what is there.
SELECT quire.create_subscription(t.id(5100), 'n', '{}', 1);
SELECT seq FROM quire.poll_subscription(t.id(5100), 'n', 2, '0 s');
\c - postgres
UPDATE quire_store.subscription SET delivered_checksum = repeat('a', 16) WHERE project_id = t.id(5100) AND name = 'n';
\c - regress_alice
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(5100), 'n', 2, '0 s')$$);
SELECT t.error($$SELECT quire.ack_subscription(t.id(5100), 'n', 2)$$);
SELECT t.detail($$SELECT * FROM quire.poll_subscription(t.id(5100), 'n')$$) AS detail;
\c - postgres
UPDATE quire_store.subscription SET cursor_checksum = repeat('a', 16) WHERE project_id = t.id(5100) AND name = 'n';
\c - regress_alice
SELECT t.detail($$SELECT * FROM quire.poll_subscription(t.id(5100), 'n')$$) AS detail;
SELECT quire.delete_subscription(t.id(5100), 'n');
