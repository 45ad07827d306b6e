-- What may be called about capability tokens: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.mint_token(uuid, text[], interval, text, integer) IS
'Makes a capability token: a part of the caller''s own rights in one project, for a while, for whoever holds the text. Members only.
Arguments: abilities (1 to 64 of project:read, events:read, snapshot:read, snapshot:read:<snapshot id>, file:write, file:write:<glob>; none implies another; in globs * and ? stay inside a segment, ** crosses them); ttl (above 0, at most 366 days); audience (the only database role that may present it; default: any); max_uses (how often it may be presented; a use counts when its transaction commits).
Returns: the token, which is stored nowhere. It is worth what its maker''s role in the project is worth at the time of use.
Errors: 22004, 22023, 42501 no member, or no editor for file:write; PT404; PT413 more than 64 abilities; 40001 in a REPEATABLE READ transaction, when the key it sees has been deleted since.';
GRANT EXECUTE ON FUNCTION quire.mint_token(uuid, text[], interval, text, integer) TO quire_user;

COMMENT ON FUNCTION quire.attenuate_token(text, text[], interval) IS
'Makes a weaker token of a token, with the text alone: nothing is looked up or stored. Revoking the first revokes it, too.
Arguments: token; abilities (each covered by one of the token''s); ttl (ends with the token''s own at the latest). At most 8 times in a row.
Returns: the weaker token. Errors: 22004, 22023 an ability the token does not have, 42501 not a token, PT413.';
GRANT EXECUTE ON FUNCTION quire.attenuate_token(text, text[], interval) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.authenticate(text) IS
'Binds a token to the current transaction: until its end, or until the savepoint is rolled back, the caller has the rights of the token, in its project, and no others. Call it in the transaction of each request, with the token as a parameter and not as part of the statement''s text, which servers log.
Returns: {project_id, token_id, actor_id, abilities, expires_at}.
Errors: 22004; 42501 this token is not valid, for whatever is wrong with its text, key or audience; PT410 it has expired, been revoked or been used up.';
GRANT EXECUTE ON FUNCTION quire.authenticate(text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.revoke_token(uuid, uuid) IS
'Revokes a token and everything narrowed from it, at once, also where it is bound. (A REPEATABLE READ transaction reads on in the state it began with, and can write nothing any more.) Its maker, or an owner.
Returns: when it was revoked first. Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.revoke_token(uuid, uuid) TO quire_user;

COMMENT ON FUNCTION quire.list_tokens(uuid) IS
'The tokens the caller made, newest first; all of them for an owner. Kept for 30 days after they expire.
Returns: rows (token_id, abilities, audience, max_uses, uses, minted_by, minted_at, expires_at, revoked_at, status); status is valid, expired, revoked, used, or void: its key is gone, as after a restore.
Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.list_tokens(uuid) TO quire_user;

COMMENT ON FUNCTION quire.rotate_secret() IS
'Makes a new key for tokens. Tokens made with older keys stay valid until they expire; keys without such tokens are deleted, unless somebody is just making a token: then by the next rotation. Administrators only.
Returns: the new key''s id. Errors: 42501.';
GRANT EXECUTE ON FUNCTION quire.rotate_secret() TO quire_admin;

SET LOCAL search_path TO quire, pg_temp;
