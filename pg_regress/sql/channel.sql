-- The private channel of a project. Its name cannot be guessed and is not shown here.
SELECT quire.create_project('channel', t.id(2600)) = t.id(2600) AS created;
SELECT quire.set_project_member(t.id(2600), t.actor('alice'), 'viewer') ->> 'role' AS role;
SELECT quire.open_channel(t.id(2600)) AS opened \gset
SELECT :'opened' ~ '^quire:[0-9a-f]{48}$' AS looks_right;
-- It is the same for everybody who may read.
\c - regress_alice
SELECT quire.open_channel(t.id(2600), interval '5 minutes') = :'opened' AS same;
-- A lease is extended, never shortened.
SELECT quire.keep_channel(t.id(2600), :'opened', interval '1 second') > now() + interval '4 minutes' AS kept;
-- Neither a stranger nor somebody without a name gets it.
\c - regress_bob
SELECT t.error($$SELECT quire.open_channel(t.id(2600))$$);
SELECT t.error(format($$SELECT quire.keep_channel(t.id(2600), %L)$$, :'opened'));
\c - regress_nobody
SELECT t.error($$SELECT quire.open_channel(t.id(2600))$$);
\c - regress_outsider
SELECT t.error($$SELECT quire.open_channel(t.id(2600))$$);
-- Only owners change it.
\c - regress_alice
SELECT t.error($$SELECT quire.rotate_channel(t.id(2600))$$);
-- Bad input.
SELECT t.error($$SELECT quire.open_channel(NULL)$$);
SELECT t.error($$SELECT quire.open_channel(t.id(2600), NULL)$$);
SELECT t.error($$SELECT quire.open_channel(t.id(2600), interval '0')$$);
SELECT t.error($$SELECT quire.open_channel(t.id(2600), interval '61 minutes')$$);
SELECT t.error($$SELECT quire.keep_channel(t.id(2600), NULL)$$);
SELECT t.error($$SELECT quire.keep_channel(t.id(2600), 'quire:guessed')$$);
SELECT t.error($$SELECT quire.keep_channel(t.id(2600), 'x', interval '-1 day')$$);
SELECT t.error($$SELECT quire.rotate_channel(NULL)$$);

-- It gets another name when somebody who knew it loses the right to.
\c - regress_bob
SELECT quire.create_project('changing', t.id(2601), 'public') = t.id(2601) AS created;
SELECT quire.set_project_member(t.id(2601), t.actor('alice'), 'viewer') ->> 'role' AS role;
SELECT quire.open_channel(t.id(2601)) AS first \gset
SELECT quire.rotate_channel(t.id(2601));
SELECT t.error(format($$SELECT quire.keep_channel(t.id(2601), %L)$$, :'first'));
SELECT quire.open_channel(t.id(2601)) AS second \gset
SELECT :'second' <> :'first' AS after_rotation;
SELECT quire.delete_project_member(t.id(2601), t.actor('alice'));
SELECT quire.open_channel(t.id(2601)) AS third \gset
SELECT :'third' <> :'second' AS after_a_removal;
SELECT quire.mint_token(t.id(2601), ARRAY['events:read'], interval '1 hour') AS token \gset
BEGIN;
SELECT quire.authenticate(:'token') ->> 'abilities' AS abilities;
SELECT quire.open_channel(t.id(2601)) = :'third' AS same_for_a_token;
COMMIT;
SELECT quire.revoke_token(t.id(2601), token_id) IS NOT NULL AS revoked FROM quire.list_tokens(t.id(2601));
SELECT quire.open_channel(t.id(2601)) AS fourth \gset
SELECT :'fourth' <> :'third' AS after_a_revocation;
SELECT quire.update_project(t.id(2601), '{"visibility": "private"}') ->> 'visibility' AS visibility;
SELECT quire.open_channel(t.id(2601)) AS fifth \gset
SELECT :'fifth' <> :'fourth' AS after_it_became_private;
-- A token's end is the name's end, too.
SELECT quire.mint_token(t.id(2601), ARRAY['events:read'], interval '300 milliseconds') AS token \gset
BEGIN;
SELECT quire.authenticate(:'token') ->> 'abilities' AS abilities;
SELECT quire.open_channel(t.id(2601)) = :'fifth' AS same_for_a_token;
COMMIT;
SELECT pg_sleep(0.4);
SELECT t.error(format($$SELECT quire.keep_channel(t.id(2601), %L)$$, :'fifth'));
SELECT quire.open_channel(t.id(2601)) <> :'fifth' AS after_the_end_of_a_token;
-- A token without events:read does not open it.
SELECT quire.mint_token(t.id(2601), ARRAY['project:read'], interval '1 hour') AS token \gset
BEGIN;
SELECT quire.authenticate(:'token') ->> 'abilities' AS abilities;
SELECT t.error($$SELECT quire.open_channel(t.id(2601))$$);
COMMIT;

-- get_project_stats counts.
SELECT quire.upsert_project_file(t.id(2601), 'a', repeat('a', 1000)) IS NOT NULL AS saved;
SELECT quire.upsert_project_file(t.id(2601), 'b', repeat('a', 1000)) IS NOT NULL AS saved;
SELECT quire.get_project_stats(t.id(2601)) - 'project_id' - 'stored_bytes';
SELECT (quire.get_project_stats(t.id(2601)) ->> 'stored_bytes')::int BETWEEN 10 AND 100 AS is_compressed;
SELECT t.error($$SELECT quire.get_project_stats(NULL)$$);
\c - regress_alice
SELECT t.error($$SELECT quire.get_project_stats(t.id(2601))$$);
-- Supabase Realtime is not there: a save succeeds, and the failure shows.
\c - regress_bob
SELECT t.error($$SELECT quire.update_project(t.id(2601), '{"settings": {"realtime_sink": "kafka"}}')$$);
SELECT quire.update_project(t.id(2601), '{"settings": {"realtime_sink": "supabase"}}') -> 'settings' AS settings;
SELECT quire.upsert_project_file(t.id(2601), 'a', 'x') IS NOT NULL AS saved;
SELECT quire.get_project_stats(t.id(2601)) -> 'realtime_sink' - 'last_at' AS realtime_sink;
