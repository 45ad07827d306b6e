-- Capability tokens: rows say what was given out and whether it still counts; the token itself is stored nowhere.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Keys that tokens are made with. A key is computed from two halves, either worth nothing without the other, because no single
-- place that PostgreSQL has is closed to everybody: rows travel by logical decoding, to every role with REPLICATION and into
-- publications FOR ALL TABLES; large objects are in dumps, and like sequences can be read with pg_read_all_data; a file is on no
-- standby; the system identifier is no secret.
--
-- This half changes with rotate_secret. Not registered for dumps: whoever reads a dump must not be able to make tokens. After
-- a restore every token given out before is refused.
CREATE TABLE quire_store.secret (
    key_id     uuid PRIMARY KEY,
    half       bytea NOT NULL,
    -- A hash of both halves, by which a key is known whose other half is not what it was.
    halves_hash bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- Makes no new tokens any more.
    retired_at timestamptz
);
-- No sample of it in pg_statistic, which no policy guards.
ALTER TABLE quire_store.secret ALTER COLUMN half SET STATISTICS 0;

-- The other half, of 256 bits, made here and the same for all keys: the values of four sequences. They are in the WAL, so a standby
-- and a base backup have them, and pg_upgrade carries them over; but logical decoding does not look at sequences, pg_dump leaves
-- out those of an extension that are not registered, and they go with the extension. A table can be none of this at once.
CREATE SEQUENCE quire_store.secret_half_1 MINVALUE -9223372036854775808;
CREATE SEQUENCE quire_store.secret_half_2 MINVALUE -9223372036854775808;
CREATE SEQUENCE quire_store.secret_half_3 MINVALUE -9223372036854775808;
CREATE SEQUENCE quire_store.secret_half_4 MINVALUE -9223372036854775808;
SELECT pg_catalog.setval(s.name::regclass,
           ('x' || encode(substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 8), 'hex'))::bit(64)::bigint)
FROM (VALUES ('quire_store.secret_half_1'), ('quire_store.secret_half_2'), ('quire_store.secret_half_3'),
             ('quire_store.secret_half_4')) AS s (name);

-- No foreign keys to the project or between these tables: who may only read makes tokens, uses and revokes them, and deleting the
-- project does not wait for that.
CREATE TABLE quire_store.token (
    project_id uuid NOT NULL,
    token_id   uuid NOT NULL,
    key_id     uuid NOT NULL,
    abilities  text[] NOT NULL,
    audience   text COLLATE "C",
    max_uses   integer,
    minted_by  uuid NOT NULL REFERENCES quire_store.actor,
    -- The database role of the administrator who made it, and who needs no role in the project while it is one; kept as in `actor`.
    admin_role    text COLLATE "C",
    admin_oid     oid,
    admin_cluster bigint,
    minted_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    expires_at timestamptz NOT NULL,
    -- The snapshots it is for, one by one: they stay while it is valid.
    snapshot_ids uuid[] NOT NULL,
    session_id uuid,
    PRIMARY KEY (project_id, token_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.token', '');
-- For forgetting those that ended long ago.
CREATE INDEX token_expiry ON quire_store.token (project_id, expires_at);

-- That a token was revoked; the first time counts. Apart from the token, so that its maker and an owner do not wait for each other.
CREATE TABLE quire_store.token_revocation (
    project_id    uuid NOT NULL,
    token_id      uuid NOT NULL,
    revocation_id uuid NOT NULL,
    revoked_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    revoked_by    uuid NOT NULL,
    PRIMARY KEY (project_id, token_id, revocation_id)
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.token_revocation', '');

-- How often a token that counts was presented, in lanes: a transaction that uses it holds one until it ends, and nobody waits for it
-- while there are uses left in another. Apart from the token, so that revoking does not wait for who is using it.
CREATE TABLE quire_store.token_use (
    project_id uuid NOT NULL,
    token_id   uuid NOT NULL,
    lane       integer NOT NULL,
    uses       integer NOT NULL,
    PRIMARY KEY (project_id, token_id, lane)
) WITH (fillfactor = 50);
SELECT pg_catalog.pg_extension_config_dump('quire_store.token_use', '');
CREATE INDEX token_session ON quire_store.token (session_id, project_id) WHERE session_id IS NOT NULL;

SET LOCAL search_path TO quire, pg_temp;
