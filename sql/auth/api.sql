-- What may be called about people: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the policies and the views call on behalf of their reader: see install/policy.sql.
GRANT EXECUTE ON FUNCTION quire_store.is_readable(uuid), quire_store.may_read_project(uuid), quire_store.readable_projects(),
    quire_store.flushed() TO quire_user;

COMMENT ON FUNCTION quire.map_role_to_actor(text, uuid, text) IS
'Makes a database role act as an actor; a role has one actor and an actor one role. A NOTICE says whose mapping this takes away. The role stays that actor when it is renamed. Administrators only.
Arguments: db_role (must exist); actor (default: the one the role acts as, else a new one); display_name (the person''s own name; default: unchanged).
Returns: the actor''s id. Errors: 22004, 22023 also for the built-in actor and for a name that says system, 42501, PT404 no such role.';
GRANT EXECUTE ON FUNCTION quire.map_role_to_actor(text, uuid, text) TO quire_admin;

COMMENT ON FUNCTION quire.unmap_role(text) IS
'Takes a role''s actor away: the role is nobody then, and the actor keeps name, projects and history. Also for a role that is gone. Administrators only.
Returns: the actor''s id. Errors: 22004, 22023, 42501, PT404 the role acts as nobody.';
GRANT EXECUTE ON FUNCTION quire.unmap_role(text) TO quire_admin;

COMMENT ON FUNCTION quire.list_actors() IS
'Everybody who has ever been registered, in the order in which they were. Administrators only.
Returns: rows (actor, display_name, db_role, created_at); db_role as it is called now, NULL when the role is gone or there is none. Errors: 42501.';
GRANT EXECUTE ON FUNCTION quire.list_actors() TO quire_admin;

COMMENT ON FUNCTION quire.set_display_name(text, uuid) IS
'Says what the caller is called, from now on and in what they did before. A name that was said so is replaced neither by claims nor by peers.
Arguments: name (1 to 255 characters, of which one shows and none is hidden); actor (somebody else, for administrators; default: the caller).
Errors: 22004, 22023 also for a name that says system, here or of another database, and for the built-in actor, 42501 nobody is signed in, a token, or somebody else''s name; PT404 no such actor.';
GRANT EXECUTE ON FUNCTION quire.set_display_name(text, uuid) TO quire_user;

COMMENT ON FUNCTION quire.whoami() IS
'Who the caller is to quire.
Returns: {actor_id, display_name, via, db_role, is_admin}; via is token, jwt, db_role, system or anonymous. Errors: 42501 the JWT claims are not those of a user: no JSON object, a sub that is no string, is empty, has more than 255 bytes or control characters, or is that of a built-in actor.';
GRANT EXECUTE ON FUNCTION quire.whoami() TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
