-- What may be called about people: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the policies and the views call on behalf of their reader: see install/policy.sql.
GRANT EXECUTE ON FUNCTION quire_store.is_readable(uuid), quire_store.may_read_project(uuid), quire_store.readable_projects(),
    quire_store.flushed() TO quire_user;

COMMENT ON FUNCTION quire.map_role_to_actor(text, uuid, text) IS
'Makes a database role act as an actor. A role has one actor and an actor has one role; a NOTICE says whose mapping
this call takes away. The role stays that actor when it is renamed.

Who: administrators.
Token: none.
Arguments:
- db_role: the name of the role. It must exist.
- actor: the actor. By default it is the one that the role acts as already, or a new one.
- display_name: what the person is called. By default the name stays as it is.
Returns: the id of the actor.
Errors:
- 22004: db_role is NULL.
- 22023: the actor is the built-in actor system, or the name is empty, too long, hidden or that of the built-in actor.
- 42501: the caller is not an administrator.
- PT404: no role has this name.';
GRANT EXECUTE ON FUNCTION quire.map_role_to_actor(text, uuid, text) TO quire_admin;

COMMENT ON FUNCTION quire.unmap_role(text) IS
'Takes the actor away from a role. The role is nobody afterwards; the actor keeps name, projects and history. The role
need not exist any more.

Who: administrators.
Token: none.
Arguments:
- db_role: the name of the role.
Returns: the id of the actor.
Errors:
- 22004: db_role is NULL.
- 22023: db_role is not the name of a role.
- 42501: the caller is not an administrator.
- PT404: the role acts as nobody.';
GRANT EXECUTE ON FUNCTION quire.unmap_role(text) TO quire_admin;

COMMENT ON FUNCTION quire.list_actors() IS
'Lists everybody who was ever registered, in the order in which they were registered.

Who: administrators.
Token: none.
Arguments: none.
Returns: rows.
- actor: the id of the actor.
- display_name: what the person is called, or NULL.
- db_role: the role that acts as the actor, under its current name. NULL when there is none, or when the role was
  dropped.
- created_at: when the actor was registered.
Errors:
- 42501: the caller is not an administrator.';
GRANT EXECUTE ON FUNCTION quire.list_actors() TO quire_admin;

COMMENT ON FUNCTION quire.set_display_name(text, uuid) IS
'Sets what a person is called, also in what they did before. Claims of a JWT and names from peers do not replace this
name.

Who: actors.
Token: none.
Arguments:
- name: the name, 1 to 255 characters. At least one character is visible and none is hidden.
- actor: whose name it is. By default it is the caller''s; administrators may name somebody else.
Returns: nothing.
Errors:
- 22004: name is NULL.
- 22023: the name is empty, too long or hidden, or it is a name of the built-in actor system here or in another
  database; or the actor is the built-in one.
- 42501: nobody is signed in, the caller uses a token, or the caller is not an administrator and names somebody else.
- PT404: no actor has this id.';
GRANT EXECUTE ON FUNCTION quire.set_display_name(text, uuid) TO quire_user;

COMMENT ON FUNCTION quire.whoami() IS
'Says who the caller is to quire.

Who: everybody.
Token: any.
Arguments: none.
Returns: an object.
    {actor_id: uuid | null, display_name: text | null, via: text, db_role: text,
     is_admin: boolean}
- via: how the caller is known: token, jwt, db_role, system or anonymous.
- is_admin: whether the caller passes every gate as an administrator.
Errors:
- 42501: the claims of the JWT are not those of a user. They are no JSON object, or sub is no string, is empty, is
  longer than 255 bytes, has control characters or is the id of a built-in actor.';
GRANT EXECUTE ON FUNCTION quire.whoami() TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
