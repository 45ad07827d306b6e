-- What may be called about events: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What realtime.messages runs, it runs as quire_sink.
ALTER FUNCTION quire_store.send_as_sink(text, text, jsonb) OWNER TO quire_sink;
GRANT EXECUTE ON FUNCTION quire_store.send_as_sink(text, text, jsonb) TO quire_owner;

COMMENT ON FUNCTION quire.poll_events(uuid, bigint, integer, boolean, text) IS
'Returns the events after a cursor in seq order, one for each bundle. Keep the last seq as the next cursor. There are
no gaps: a later event never appears before an earlier one.

Who: readers.
Token: events:read.
Arguments:
- project_uuid: the project.
- after_seq: the cursor; 0 is the beginning.
- max_events: the most rows, 1 to 1000. A page with more than 32 MiB of content ends earlier.
- with_content: false leaves contents out.
- after_checksum: the checksum that went with after_seq, 16 to 64 hex digits. The log there must be the one that the
  caller knows.
Returns: rows.
- seq: the bundle.
- event: file:update, file:delete, entity:update, asset:update, bulk:apply or snapshot:ready.
- payload: what happened, as JSON. Content of binary files is in content_base64. content_omitted: true means that the
  content was too large, or, with content_unavailable, that it is archived or collected. from_peer names the peer that
  the bundle came from.
- committed_at: when the bundle was committed.
- checksum: the first 16 hex digits of the bundle''s checksum.
Errors:
- 22004: a required argument is NULL.
- 22023: max_events, after_seq or after_checksum is not allowed.
- PT404: the project does not exist, or the caller may not know of it.
- PT410 must_refetch: the cursor is ahead of the log or of another log, because the database was set back to a backup.
  Fetch the project again and go on from its seq.';
GRANT EXECUTE ON FUNCTION quire.poll_events(uuid, bigint, integer, boolean, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.open_channel(uuid, interval) IS
'Opens the private NOTIFY channel of a project and returns its name, which cannot be guessed. While somebody holds it
open, every bundle is sent there as {event, seq, checksum, timestamp, payload} with the payload of poll_events.
Content that does not fit into 7,900 bytes is left out (content_omitted). A message is a wake-up; poll_events has what
was missed. The name changes when a member is removed, a token is revoked, a token with which it was opened expires,
the project becomes private or rotate_channel is called, and every day. The last message of a name is
{"event":"channel:closed"}, at the latest with the next bundle.

Who: readers.
Token: events:read.
Arguments:
- project_uuid: the project.
- lease: how long the channel is held open, 1 second to 1 hour.
Returns: the name of the channel, for LISTEN in double quotes.
Errors:
- 22004: an argument is NULL.
- 22023: lease is out of range.
- 42501: the token does not allow reading events.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.open_channel(uuid, interval) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.keep_channel(uuid, text, interval) IS
'Holds the private channel open for longer.

Who: readers.
Token: events:read.
Arguments:
- project_uuid: the project.
- channel: the name that open_channel returned.
- lease: how long the channel is held open from now on, 1 second to 1 hour.
Returns: the time until which it is open.
Errors:
- 22004: an argument is NULL.
- 22023: lease is out of range.
- 42501: the token does not allow reading events.
- PT404: the project does not exist, or the caller may not know of it.
- PT410 renamed: the channel has another name now. Open it again.';
GRANT EXECUTE ON FUNCTION quire.keep_channel(uuid, text, interval) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.rotate_channel(uuid) IS
'Gives the private channel another name.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
Returns: nothing.
Errors:
- 22004: project_uuid is NULL.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.rotate_channel(uuid) TO quire_user;

COMMENT ON FUNCTION quire.create_subscription(uuid, text, jsonb, bigint, text) IS
'Starts a durable subscription of the caller. It keeps its cursor, and the checksum of its cursor, in the database.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
- name: the name, unique in the project, 1 to 255 characters.
- filter: an object of globs and names of events. A member that is absent lets everything through. In globs * and ?
  stay inside a segment, and ** crosses segments.
    {"paths": [glob, ...], "events": [name, ...]}
  Or documents to follow, and nothing else. branch, prefix, where and select are those of query_docs, but where must not
  ask for a schema. format is json or changes.
    {"docs": {"branch": name, "prefix": text, "where": condition, "select": paths, "format": name}}
- after_seq: the cursor to begin with; 0 is the beginning.
- after_checksum: the checksum that went with after_seq, as for poll_events.
Returns: nothing.
Errors:
- 22004: a required argument is NULL.
- 22023: the name, the filter or the cursor is not allowed.
- 42501: the caller is not a member of the project.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch.
- PT409 duplicate: the project has a subscription of this name.
- PT410 must_refetch: the cursor is ahead of the log or of another log, because the database was set back to a backup.
- PT413: docs has more conditions, values or paths than a query may have.';
GRANT EXECUTE ON FUNCTION quire.create_subscription(uuid, text, jsonb, bigint, text) TO quire_user;

COMMENT ON FUNCTION quire.poll_subscription(uuid, text, integer, interval, bigint, text) IS
'Returns the next matching events and leases them. Until they are acknowledged or the lease ends, further polls return
nothing; after the lease they are returned again.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- name: the name of the subscription. An owner may name anybody''s.
- max_events: the most rows, 1 to 1000.
- lease: how long the events are leased, 0 seconds to 1 day.
- after_seq: the event that the caller has come to. It is checked, and moves nothing.
- after_checksum: the checksum of that event.
Returns: rows. Of a bulk:apply only the matching files are in the payload. A subscription to documents gets doc:update
  for each bundle that changed some of them; docs is a list of {action, doc, branch, heads, value, changes, after}.
  action is enter, change or leave, by whether the document matched before the bundle and matches after it, or
  unreadable, with sqlstate and error. after is the heads that the changes follow. No row means that nothing matches so
  far: while list_subscriptions says that it is behind, poll again.
- seq: the bundle.
- event: the name of the event, as poll_events returns it.
- payload: what happened, as JSON.
- committed_at: when the bundle was committed.
- checksum: the first 16 hex digits of the bundle''s checksum.
Errors:
- 22004: a required argument is NULL.
- 22023: an argument is out of range.
- 42501: the caller uses a token.
- PT404: the project does not exist, the caller may not know of it, or the caller has no such subscription.
- PT409 in_use: its subscriber is using the subscription, and the caller is somebody else.
- PT410 must_refetch: the log is not the one that was returned. common_seq, if DETAIL has it, is up to where it is.
  Drop the subscription and create it again.';
GRANT EXECUTE ON FUNCTION quire.poll_subscription(uuid, text, integer, interval, bigint, text) TO quire_user;

COMMENT ON FUNCTION quire.ack_subscription(uuid, text, bigint, text) IS
'Acknowledges everything up to a seq: it is never returned again. When that moves the cursor the lease ends, and what
is left is returned again.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- name: the name of the subscription. An owner may name anybody''s.
- seq: the last event that is done.
- checksum: the checksum of that event, as poll_subscription returned it.
Returns: the cursor.
Errors:
- 22004: a required argument is NULL.
- 22023: seq is beyond what was returned, or the checksum is not one.
- 42501: the caller uses a token.
- PT404: the project does not exist, the caller may not know of it, or the caller has no such subscription.
- PT409 in_use: its subscriber is using the subscription, and the caller is somebody else.
- PT410 must_refetch: the log is not the one that was returned.';
GRANT EXECUTE ON FUNCTION quire.ack_subscription(uuid, text, bigint, text) TO quire_user;

COMMENT ON FUNCTION quire.list_subscriptions(uuid) IS
'Lists the subscriptions of the caller. An owner gets all subscriptions of the project.

Who: readers.
Token: none.
Arguments:
- project_uuid: the project.
Returns: rows.
- name: the name.
- actor: the actor whose subscription it is.
- filter: its filter.
- cursor_seq: the last event that is acknowledged or does not match.
- behind: how many bundles come after the cursor.
- leased_until: when the current lease ends, or NULL.
- created_at: when it was created.
- cursor_checksum: the checksum of the bundle at cursor_seq.
Errors:
- 22004: project_uuid is NULL.
- 42501: the caller uses a token.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_subscriptions(uuid) TO quire_user;

COMMENT ON FUNCTION quire.delete_subscription(uuid, text) IS
'Deletes a subscription of the caller. An owner may delete anybody''s.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- name: the name of the subscription.
Returns: nothing.
Errors:
- 22004: an argument is NULL.
- 42501: the caller uses a token.
- PT404: the project does not exist, the caller may not know of it, or there is no such subscription.
- PT409 in_use: its subscriber is using the subscription, and the caller is somebody else.';
GRANT EXECUTE ON FUNCTION quire.delete_subscription(uuid, text) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
