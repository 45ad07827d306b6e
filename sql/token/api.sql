-- What may be called about capability tokens: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.mint_token(uuid, text[], interval, text, integer) IS
'Makes a capability token: a part of the caller''s own rights in one project, for a while, for whoever holds its text.
The text is stored nowhere. The token is worth what the role of its maker in the project is worth when it is used.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
- abilities: 1 to 64 of project:read, events:read, snapshot:read, snapshot:read:<snapshot id>, file:write,
  file:write:<glob>, doc:read, doc:write and doc:write:<glob>. project:read includes doc:read; otherwise none implies
  another. In globs * and ? stay inside a segment, and ** crosses segments.
- ttl: how long the token is valid, above 0 and at most 366 days.
- audience: the only database role that may present the token. By default any role may.
- max_uses: how often the token may be presented. A use counts when its transaction commits. By default there is no
  limit.
Returns: the text of the token.
Errors:
- 22004: project_uuid, abilities or ttl is NULL.
- 22023: an ability is not known, or ttl, audience or max_uses is not allowed.
- 40001: the key that this REPEATABLE READ transaction sees was deleted meanwhile.
- 42501: the caller is not a member, or is no editor and asks for file:write or doc:write.
- PT404: the project does not exist, or the caller may not know of it.
- PT413: there are more than 64 abilities.';
GRANT EXECUTE ON FUNCTION quire.mint_token(uuid, text[], interval, text, integer) TO quire_user;

COMMENT ON FUNCTION quire.attenuate_token(text, text[], interval) IS
'Makes a weaker token of a token, from the text alone: nothing is looked up or stored. Whoever revokes the first token
revokes the weaker one, too. This works at most 8 times in a row.

Who: holders of the token.
Token: the token itself.
Arguments:
- token: the text of the token.
- abilities: what the weaker token allows. Each ability is covered by one of the token''s.
- ttl: how long it is valid. It ends with the token at the latest.
Returns: the text of the weaker token.
Errors:
- 22004: an argument is NULL.
- 22023: the token does not have an ability, or ttl is not allowed.
- 42501: the text is not a token.
- PT413: there are more than 64 abilities, or the token was narrowed 8 times already.';
GRANT EXECUTE ON FUNCTION quire.attenuate_token(text, text[], interval) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.authenticate(text, text[]) IS
'Binds a token to the current transaction. Until the end of the transaction, or until the savepoint is rolled back, the
caller has the rights of the token in its project and no others. Call it in the transaction of each request, with the
token as a parameter and not as a part of the statement''s text, which servers log. A token that is a JWT is read as a
UCAN of version 0.10: it is for one project, whose root (see update_project) is its audience. One that says
baseHeadsRoot, changesRoot or changeCount in its facts, or in a caveat, allows to write by a submit_tx that is so.

Who: holders of the token.
Token: the token itself.
Arguments:
- token: the text of the token.
- proofs: the texts of the UCANs that a UCAN rests on, at most 16, in any order. Other tokens have none. NULL: none.
Returns: an object.
    {project_id: uuid, token_id: uuid, actor_id: uuid, abilities: [text],
     expires_at: timestamp, cid?: text, issuer?: text}
- abilities: of a UCAN each with its resource, and its caveat if it has one.
- cid: the CID of a UCAN, and issuer the did:key of who signed it.
Errors:
- 22004: token is NULL, or one of the proofs.
- 42501: the token is not valid, or not valid yet. The answer is the same whatever is wrong with its text, key, audience
  or proofs, and whether or not there is such a project.
- PT410 expired: the token has expired.
- PT410 revoked: the token was revoked.
- PT410 used_up: the token was presented as often as it may be.
- PT413: a UCAN or a proof is longer than 8192 bytes, there are more than 16 proofs, or more than 8 delegations follow
  one another.';
GRANT EXECUTE ON FUNCTION quire.authenticate(text, text[]) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.revoke_token(uuid, uuid) IS
'Revokes a token and everything that was narrowed from it, at once, also where it is bound. A REPEATABLE READ
transaction reads on in the state that it began with, and can write nothing any more.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- token_id: the id of the token. The caller has made it, or is an owner.
Returns: the time at which the token was revoked first.
Errors:
- 22004: an argument is NULL.
- 42501: the caller is not a member, or has not made the token and is not an owner.
- PT404: the project does not exist, the caller may not know of it, or it has no such token.';
GRANT EXECUTE ON FUNCTION quire.revoke_token(uuid, uuid) TO quire_user;

COMMENT ON FUNCTION quire.revoke_ucan(uuid, text) IS
'Revokes a UCAN by its CID, and every UCAN that rests on it, at once, also where one is bound. Nobody need have presented
it. A revocation cannot be taken back.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- cid: the CID of the UCAN: CIDv1 in base32, of raw bytes and SHA2-256.
Returns: the time at which it was revoked first.
Errors:
- 22004: an argument is NULL.
- 22023: cid is no such CID.
- 42501: the caller is not an owner, or uses a token.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.revoke_ucan(uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.list_tokens(uuid) IS
'Lists the tokens that the caller made, the newest first. An owner gets all tokens of the project. Tokens are listed
for 30 days after they expire.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
Returns: rows.
- token_id: the id of the token.
- abilities: what it allows.
- audience: the only database role that may present it, or NULL.
- max_uses: how often it may be presented, or NULL.
- uses: how often it was presented.
- minted_by: the actor who made it.
- minted_at: when it was made.
- expires_at: when it expires.
- revoked_at: when it was revoked, or NULL.
- status: valid, expired, revoked, used, or void: its key is gone, as after a restore.
Errors:
- 22004: project_uuid is NULL.
- 42501: the caller is not a member of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_tokens(uuid) TO quire_user;

COMMENT ON FUNCTION quire.rotate_secret() IS
'Makes a new key for tokens. Tokens that were made with older keys stay valid until they expire. Keys without such
tokens are deleted, unless somebody is just making a token: then the next rotation deletes them.

Who: administrators.
Token: none.
Arguments: none.
Returns: the id of the new key.
Errors:
- 42501: the caller is not an administrator.';
GRANT EXECUTE ON FUNCTION quire.rotate_secret() TO quire_admin;

SET LOCAL search_path TO quire, pg_temp;
