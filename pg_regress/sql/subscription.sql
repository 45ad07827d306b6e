-- Durable subscriptions.
SELECT quire.create_project('subscriptions', t.id(1300)) IS NOT NULL AS created;
SELECT quire.create_subscription(t.id(1300), 'all');
SELECT quire.create_subscription(t.id(1300), 'sources', '{"paths": ["src/**", "a_b%"], "events": ["file:update", "bulk:apply"]}');
SELECT count(*) FROM quire.poll_subscription(t.id(1300), 'all');
SELECT version FROM quire.upsert_project_file(t.id(1300), 'README', 'r');
SELECT version FROM quire.upsert_project_file(t.id(1300), 'src/a/b', 'x');
SELECT version FROM quire.upsert_project_file(t.id(1300), 'srcx/a', 'x');
SELECT version FROM quire.upsert_project_file(t.id(1300), 'axb%', 'x');
SELECT quire.bulk_upsert_project_files(t.id(1300), '[{"file_path": "a_b%", "content": "y"}, {"file_path": "other", "content": "y"}, {"file_path": "src/z", "content": "y"}]') ->> 'seq' AS seq;
SELECT version FROM quire.delete_project_file(t.id(1300), 'src/a/b');
-- handed out, leased, handed out to nobody else
SELECT seq, event FROM quire.poll_subscription(t.id(1300), 'all', 4, '1 hour');
SELECT count(*) FROM quire.poll_subscription(t.id(1300), 'all');
-- a part acknowledged: the rest comes again, nothing of the part does
SELECT quire.ack_subscription(t.id(1300), 'all', 2);
SELECT seq, event FROM quire.poll_subscription(t.id(1300), 'all', lease => '0 seconds');
-- a lease that has ended
SELECT seq FROM quire.poll_subscription(t.id(1300), 'all');
SELECT quire.ack_subscription(t.id(1300), 'all', 6);
SELECT count(*) FROM quire.poll_subscription(t.id(1300), 'all');
-- again, and backwards: nothing happens
SELECT quire.ack_subscription(t.id(1300), 'all', 6);
SELECT quire.ack_subscription(t.id(1300), 'all', 1);
-- the filter: only its events and its paths
SELECT seq, event, COALESCE(payload ->> 'file_path', (SELECT string_agg(f ->> 'file_path', ' ') FROM jsonb_array_elements(payload -> 'files') f)) AS paths
FROM quire.poll_subscription(t.id(1300), 'sources');
SELECT quire.ack_subscription(t.id(1300), 'sources', 5);
SELECT count(*) FROM quire.poll_subscription(t.id(1300), 'sources');
SELECT name, filter, cursor_seq, behind, leased_until IS NULL AS free FROM quire.list_subscriptions(t.id(1300));
-- polling again takes nothing back, and a late acknowledgement does not end somebody else's lease
SELECT quire.create_subscription(t.id(1300), 'again');
SELECT count(*) FROM quire.poll_subscription(t.id(1300), 'again', lease => '0 seconds');
SELECT count(*) FROM quire.poll_subscription(t.id(1300), 'again', 1);
SELECT quire.ack_subscription(t.id(1300), 'again', 4);
SELECT count(*) FROM quire.poll_subscription(t.id(1300), 'again');
SELECT quire.ack_subscription(t.id(1300), 'again', 4);
SELECT count(*) FROM quire.poll_subscription(t.id(1300), 'again');
SELECT quire.delete_subscription(t.id(1300), 'again');
-- what is left of a bulk after the filter is still a bulk
SELECT quire.create_subscription(t.id(1300), 'one of many', '{"paths": ["src/z"], "events": ["bulk:apply"]}');
SELECT seq, event, jsonb_array_length(payload -> 'files') AS files FROM quire.poll_subscription(t.id(1300), 'one of many');
SELECT quire.delete_subscription(t.id(1300), 'one of many');
-- from a later start
SELECT quire.create_subscription(t.id(1300), 'late', after_seq => 5);
SELECT seq FROM quire.poll_subscription(t.id(1300), 'late');

SELECT t.error($$SELECT quire.create_subscription(t.id(1300), 'all')$$);
SELECT t.error($$SELECT quire.create_subscription(t.id(1300), NULL)$$);
SELECT t.error($$SELECT quire.create_subscription(t.id(1300), '')$$);
SELECT t.error($$SELECT quire.create_subscription(t.id(1300), 'x', NULL)$$);
SELECT t.error($$SELECT quire.create_subscription(t.id(1300), 'x', '{"path": ["a"]}')$$);
SELECT t.error($$SELECT quire.create_subscription(t.id(1300), 'x', '{"paths": ["a[b"]}')$$);
SELECT t.error($$SELECT quire.create_subscription(t.id(1300), 'x', '{"events": ["file:rename"]}')$$);
SELECT t.error($$SELECT quire.create_subscription(t.id(1300), 'x', after_seq => 99)$$);
SELECT t.error($$SELECT quire.create_subscription(t.id(999999), 'x')$$);
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(1300), 'none')$$);
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(1300), NULL)$$);
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(1300), 'all', 0)$$);
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(1300), 'all', lease => '-1 second')$$);
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(1300), 'all', lease => '2 days')$$);
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(1300), 'all', lease => NULL)$$);
SELECT t.error($$SELECT quire.ack_subscription(t.id(1300), 'all', 7)$$);
SELECT t.error($$SELECT quire.ack_subscription(t.id(1300), 'all', -1)$$);
SELECT t.error($$SELECT quire.ack_subscription(t.id(1300), 'all', NULL)$$);
SELECT t.error($$SELECT quire.ack_subscription(t.id(1300), 'none', 1)$$);
SELECT t.error($$SELECT * FROM quire.list_subscriptions(t.id(999999))$$);
SELECT t.error($$SELECT quire.delete_subscription(t.id(1300), 'none')$$);

-- another member's subscription is not theirs to poll
SELECT quire.set_project_member(t.id(1300), t.actor('bob'), 'viewer') ->> 'role' AS role;
\c - regress_bob
SELECT t.error($$SELECT * FROM quire.poll_subscription(t.id(1300), 'all')$$);
SELECT t.error($$SELECT quire.delete_subscription(t.id(1300), 'all')$$);
SELECT count(*) FROM quire.list_subscriptions(t.id(1300));
SELECT quire.create_subscription(t.id(1300), 'of bob');
SELECT count(*) FROM quire.poll_subscription(t.id(1300), 'of bob');
SELECT quire.delete_subscription(t.id(1300), 'of bob');
