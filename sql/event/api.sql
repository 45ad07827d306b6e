-- What may be called about events: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What realtime.messages runs, it runs as quire_sink.
ALTER FUNCTION quire_store.send_as_sink(text, text, jsonb) OWNER TO quire_sink;
GRANT EXECUTE ON FUNCTION quire_store.send_as_sink(text, text, jsonb) TO quire_owner;

COMMENT ON FUNCTION quire.poll_events(uuid, bigint, integer, boolean, text) IS
'The events after a cursor, in seq order, one per bundle; keep the last seq as the next cursor. Gap-free: a later event never appears before an earlier one.
Arguments: after_seq (0: from the beginning); max_events (1 to 1000; a page with more than 32 MiB of content ends early); with_content; after_checksum (the checksum as it went with after_seq: 16 to 64 hex digits; the log there must be the one that the caller knows).
Returns: rows (seq, event, payload, committed_at, checksum); event is file:update, file:delete, entity:update, asset:update, bulk:apply or snapshot:ready; content of binary files is in content_base64; content_omitted: true says that it was too large, or, with content_unavailable, that it is archived or collected; from_peer names the peer that the bundle came from, if it did; checksum is the first 16 hex digits of the bundle''s.
Errors: 22004, 22023, PT404, PT410 must_refetch: the cursor is ahead of the log, or of another log, because the database was set back; fetch the project again and go on from its seq.';
GRANT EXECUTE ON FUNCTION quire.poll_events(uuid, bigint, integer, boolean, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.open_channel(uuid, interval) IS
'Opens the project''s private NOTIFY channel and tells its name, which cannot be guessed. While somebody holds it open, every bundle is sent there as {event, seq, checksum, timestamp, payload} with the payload of poll_events; content that does not fit into 7,900 bytes is left out (content_omitted). It is a wake-up: poll_events has what was missed. Readers, and tokens with events:read.
The name changes when a member is removed, a token is revoked, a token with which it was opened expires, the project becomes private, rotate_channel is called, and every day; the last message of a name is {"event":"channel:closed"}, at the latest with the next bundle.
Arguments: lease (1 second to 1 hour: how long to hold it open). Returns: the channel for LISTEN, in double quotes.
Errors: 22004, 22023, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.open_channel(uuid, interval) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.keep_channel(uuid, text, interval) IS
'Holds the private channel open for longer.
Arguments: channel (as open_channel told it); lease (1 second to 1 hour). Returns: until when it is open.
Errors: 22004, 22023, 42501, PT404, PT410 the channel has another name now: open it again.';
GRANT EXECUTE ON FUNCTION quire.keep_channel(uuid, text, interval) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.rotate_channel(uuid) IS
'Gives the private channel another name. Owners only. Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.rotate_channel(uuid) TO quire_user;

COMMENT ON FUNCTION quire.create_subscription(uuid, text, jsonb, bigint, text) IS
'Starts a durable subscription of the caller''s. Members only, also in a public project.
Arguments: name (unique in the project, 1 to 255 characters); filter {"paths": [glob, ...], "events": [name, ...]} (absent: everything; in globs * and ? stay inside a segment, ** crosses them); after_seq (default 0: from the beginning); after_checksum as for poll_events. The subscription keeps the checksum of its cursor itself.
Errors: 22004, 22023, 42501 not a member, PT404, PT409 the name is taken, PT410 as poll_events.';
GRANT EXECUTE ON FUNCTION quire.create_subscription(uuid, text, jsonb, bigint, text) TO quire_user;

COMMENT ON FUNCTION quire.poll_subscription(uuid, text, integer, interval, bigint, text) IS
'Hands out the next matching events and leases them: until they are acknowledged or the lease ends, further polls get nothing; after it they are handed out again.
Arguments: max_events (1 to 1000); lease (0 seconds to 1 day); after_seq and after_checksum (the event that the caller has come to, which is checked, and moves nothing).
Returns: rows like poll_events; of a bulk:apply only the matching files. Errors: 22004, 22023, PT404, PT410 must_refetch: the log is not the one that was handed out; common_seq, if it is there, is up to where it is. Drop the subscription then, and create it again.';
GRANT EXECUTE ON FUNCTION quire.poll_subscription(uuid, text, integer, interval, bigint, text) TO quire_user;

COMMENT ON FUNCTION quire.ack_subscription(uuid, text, bigint, text) IS
'Acknowledges everything up to a seq: it is never handed out again. When that moves the cursor the lease ends, and what is left is handed out again.
Arguments: seq; checksum (of the event with this seq, as poll_subscription gave it). Returns: the cursor. Errors: 22004, 22023 beyond what was handed out, PT404, PT410 as poll_subscription.';
GRANT EXECUTE ON FUNCTION quire.ack_subscription(uuid, text, bigint, text) TO quire_user;

COMMENT ON FUNCTION quire.list_subscriptions(uuid) IS
'The caller''s subscriptions; all of them for an owner.
Returns: rows (name, actor, filter, cursor_seq, behind, leased_until, created_at, cursor_checksum); behind is in bundles. Errors: 22004, PT404.';
GRANT EXECUTE ON FUNCTION quire.list_subscriptions(uuid) TO quire_user;

COMMENT ON FUNCTION quire.drop_subscription(uuid, text) IS
'Ends a subscription: the caller''s of this name, or for an owner anybody''s. Errors: 22004, PT404, PT409 somebody else is using it.';
GRANT EXECUTE ON FUNCTION quire.drop_subscription(uuid, text) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
