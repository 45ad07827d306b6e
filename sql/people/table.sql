-- People, devices and services.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE quire_store.actor (
    actor_id     uuid PRIMARY KEY,
    display_name text,
    -- Who gave the name: the person or an administrator, or a claim of their JWT, which does not replace the former. What other
    -- databases say is in peer_actor.
    name_from    text CHECK (name_from IN ('person', 'claim')),
    -- The role that acts as this actor: by its oid in the cluster with this system identifier, whatever it is called by then, and by
    -- its name in any other, where a dump was restored and oids mean nothing.
    db_role      text COLLATE "C",
    role_oid     oid,
    role_cluster bigint,
    created_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CHECK ((db_role IS NULL) = (role_oid IS NULL) AND (role_oid IS NULL) = (role_cluster IS NULL))
);
SELECT pg_catalog.pg_extension_config_dump('quire_store.actor', $$WHERE actor_id <> '00000000-0000-0000-0000-000000000000'$$);
-- Partial, so that PostgreSQL does not take what they hold for keys of the table: a change of it then waits for nobody who refers to
-- the actor. Of names there may be two that are alike, after roles were renamed.
CREATE UNIQUE INDEX actor_role ON quire_store.actor (role_oid, role_cluster) WHERE role_oid IS NOT NULL;
CREATE INDEX actor_db_role ON quire_store.actor (db_role) WHERE db_role IS NOT NULL;

-- Sessions keep who is which actor; this makes them forget.
CREATE FUNCTION quire_store.invalidate_sessions() RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'invalidate_sessions_wrapper';
CREATE TRIGGER actor_roles AFTER UPDATE OF db_role, role_oid, role_cluster OR DELETE OR TRUNCATE ON quire_store.actor
    FOR EACH STATEMENT EXECUTE FUNCTION quire_store.invalidate_sessions();
-- Whoever replicates or repairs changes rows, too.
ALTER TABLE quire_store.actor ENABLE ALWAYS TRIGGER actor_roles;

-- Who an administrator is who is mapped to nobody.
INSERT INTO quire_store.actor (actor_id, display_name, name_from) VALUES ('00000000-0000-0000-0000-000000000000', 'system', 'person');

SET LOCAL search_path TO quire, pg_temp;
