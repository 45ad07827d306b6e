-- The event log.
SELECT quire.create_project('events', t.id(1200)) IS NOT NULL AS created;
SELECT count(*) FROM quire.poll_events(t.id(1200));
SELECT version FROM quire.upsert_project_file(t.id(1200), 'a', 'one');
SELECT version FROM quire.upsert_project_file_bytes(t.id(1200), 'b', '\x00ff');
SELECT version FROM quire.delete_project_file(t.id(1200), 'a');
SELECT quire.commit_bundle(t.id(1200), '[{"op": "file.put", "file_path": "c", "content": "1"}, {"op": "file.put", "file_path": "c", "content": "2"}]') ->> 'seq' AS seq;
SELECT file_path FROM quire.move_project_file(t.id(1200), 'c', 'd');
SELECT seq, event, payload - 'timestamp' - 'sender' AS payload, payload ->> 'timestamp' ~ '^\d{4}-\d\d-\d\dT[\d:.]+Z$' AS has_time,
    (payload ->> 'sender')::uuid IS NOT NULL AS has_sender
FROM quire.poll_events(t.id(1200));
SELECT seq, payload ? 'content' AS has_content FROM quire.poll_events(t.id(1200), 0, 2, false);
SELECT seq FROM quire.poll_events(t.id(1200), 3, 1);
SELECT count(*) FROM quire.poll_events(t.id(1200), 5);
-- unchanged content is no event
SELECT version FROM quire.upsert_project_file(t.id(1200), 'd', '2');
SELECT count(*) FROM quire.poll_events(t.id(1200), 5);
SELECT t.error($$SELECT * FROM quire.poll_events(t.id(1200), 6)$$);
SELECT t.error($$SELECT * FROM quire.poll_events(t.id(1200), -1)$$);
SELECT t.error($$SELECT * FROM quire.poll_events(t.id(1200), NULL)$$);
SELECT t.error($$SELECT * FROM quire.poll_events(t.id(1200), 0, 0)$$);
SELECT t.error($$SELECT * FROM quire.poll_events(t.id(1200), 0, 1001)$$);
SELECT t.error($$SELECT * FROM quire.poll_events(t.id(1200), 0, NULL)$$);
SELECT t.error($$SELECT * FROM quire.poll_events(t.id(1200), 0, 1, NULL)$$);
SELECT t.error($$SELECT * FROM quire.poll_events(NULL)$$);
SELECT t.error($$SELECT * FROM quire.poll_events(t.id(999999))$$);
-- a page with much content ends early, and nothing is skipped; one event too large for a page goes without some content
SELECT quire.create_project('big events', t.id(1201)) IS NOT NULL AS created;
SELECT count(*) FROM generate_series(1, 5) n CROSS JOIN LATERAL quire.upsert_project_file(t.id(1201), 'f' || n, repeat(n::text, 10000000));
SELECT seq, length(payload ->> 'content') FROM quire.poll_events(t.id(1201));
SELECT seq, length(payload ->> 'content') FROM quire.poll_events(t.id(1201), 3);
SELECT seq FROM quire.poll_events(t.id(1201), with_content => false);
SELECT quire.bulk_upsert_project_files(t.id(1201), (SELECT jsonb_agg(jsonb_build_object('file_path', 'g' || n, 'content', repeat(n::text, 12000000))) FROM generate_series(1, 4) n)) ->> 'seq' AS seq;
SELECT f ->> 'file_path' AS file_path, length(f ->> 'content'), f ->> 'content_omitted' AS omitted
FROM quire.poll_events(t.id(1201), 5) e, jsonb_array_elements(e.payload -> 'files') f;
-- content that is stored once counts as often as it is sent
SELECT quire.create_project('repeated', t.id(1202)) IS NOT NULL AS created;
SELECT quire.bulk_upsert_project_files(t.id(1202), (SELECT jsonb_agg(jsonb_build_object('file_path', 'f' || n, 'content', repeat('x', 1000000))) FROM generate_series(1, 40) n)) ->> 'seq' AS seq;
SELECT count(*) FILTER (WHERE f ? 'content') AS sent, count(*) FILTER (WHERE f ? 'content_omitted') AS omitted
FROM quire.poll_events(t.id(1202)) e, jsonb_array_elements(e.payload -> 'files') f;
