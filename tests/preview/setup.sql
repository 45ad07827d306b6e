-- An ordinary user and a container, in a fresh database. Run by a superuser.

DO $$
DECLARE
    role_name text;
BEGIN
    -- Roles belong to the whole cluster, so they may be there already.
    FOREACH role_name IN ARRAY ARRAY['quire_preview_author', 'quire_preview_container'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role_name);
        END IF;
    END LOOP;
END
$$;

CREATE EXTENSION quire;
GRANT quire_user TO quire_preview_author;
GRANT quire_guest TO quire_preview_container;
SELECT quire.map_role_to_actor('quire_preview_author', display_name => 'Author');
