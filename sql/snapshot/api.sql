-- What may be called about snapshots: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

GRANT USAGE ON TYPE quire."*/*" TO quire_guest;

-- What the view oplog touches on behalf of its reader: see install/policy.sql.
GRANT SELECT ON quire_store.snapshot_oplog TO quire_user;

COMMENT ON FUNCTION quire.create_project_snapshot(uuid, text, bigint, bigint, interval, text, text) IS
'Makes an archive of a project, or finds the one that exists. The same files, paths, modes and times of change give the
same bytes, which are made once. A new archive by somebody who can write is a bundle of kind system with the event
snapshot:ready; that of a viewer is not announced. Archives beyond the setting snapshots_kept or older than
snapshots_max_age are removed, unless an unexpired token names them.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
- format: zip, or tar.zst: faster, for GNU tar and zstd.
- at_seq: the state to pack. By default it is the newest.
- after_seq: makes a delta: only files that changed after that seq, behind a first entry .quire/delta.json {since_seq,
  seq, deleted}. By default everything is packed.
- ttl: how long the token of the URL is valid, above 0 and at most 366 days.
- at_checksum: the checksum that went with at_seq, 16 to 64 hex digits. The log there must be the one that the caller
  knows.
- after_checksum: the checksum that went with after_seq, in the same way.
Returns: an object.
    {snapshot_id: uuid, project_id: uuid, seq: integer, checksum: text,
     after_seq: integer | null, format: text, size: integer, content_hash: text,
     file_count: integer, chunk_count: integer, created_at: timestamp,
     manifest: [{file_path: text, content_hash: text, size: integer, version: integer,
                 file_type: text, mode: text}],
     deleted: [text] | null, url: text, token: text, expires_at: timestamp,
     cached: boolean}
- content_hash: BLAKE3 of the archive; size is its length in bytes.
- after_seq: the last bundle up to the one that was asked for which changed a file. The operation and the event
  snapshot:ready have it as since_seq, as does .quire/delta.json: what is logged and packed keeps its bytes.
- deleted: the paths that a delta deletes; null unless it is a delta.
- url: quire.public_url and the path of download_snapshot with the token, which is for this snapshot only.
- cached: whether the archive existed.
Errors:
- 22004: project_uuid, format or ttl is NULL.
- 22023: the format, a seq, a checksum or ttl is not allowed.
- 40001: somebody else has made the snapshot since this REPEATABLE READ transaction began.
- 42501: the caller is not a member of the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 concurrent: somebody else is making the snapshot in a transaction that this one does not see.
- PT410 must_refetch: the log is another one at that seq, because the database was set back to a backup.
- PT410: content of that seq is archived or collected.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: content of a zip is corrupt. A tar.zst holds stored frames as they are; see verify_snapshot.';
GRANT EXECUTE ON FUNCTION quire.create_project_snapshot(uuid, text, bigint, bigint, interval, text, text) TO quire_user;
ALTER FUNCTION quire.create_project_snapshot(uuid, text, bigint, bigint, interval, text, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.read_snapshot(uuid, uuid) IS
'Returns the bytes of an archive.

Who: readers.
Token: snapshot:read.
Arguments:
- project_uuid: the project.
- snapshot_id: the snapshot.
Returns: the bytes.
Errors:
- 22004: an argument is NULL.
- 42501: the token does not allow reading the snapshot.
- PT404: the project does not exist, the caller may not know of it, or it has no such snapshot.
- PT410: the snapshot was deleted meanwhile.
- PT413: the archive has more than 500 MiB: use read_snapshot_chunk.
- XX001: a part of the archive is missing or unreadable.';
GRANT EXECUTE ON FUNCTION quire.read_snapshot(uuid, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.read_snapshot_chunk(uuid, uuid, integer) IS
'Returns a piece of an archive. All pieces in order are the archive.

Who: readers.
Token: snapshot:read.
Arguments:
- project_uuid: the project.
- snapshot_id: the snapshot.
- ordinal: the piece, 1 to chunk_count. Every piece but the last has 1 MiB.
Returns: the bytes.
Errors:
- 22004: an argument is NULL.
- 42501: the token does not allow reading the snapshot.
- PT404: the project does not exist, the caller may not know of it, or it has no such snapshot or piece.
- XX001: a part of the archive is missing or unreadable.';
GRANT EXECUTE ON FUNCTION quire.read_snapshot_chunk(uuid, uuid, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.get_snapshot_manifest(uuid, uuid) IS
'Returns what a snapshot holds.

Who: readers.
Token: snapshot:read.
Arguments:
- project_uuid: the project.
- snapshot_id: the snapshot.
Returns: the object that create_project_snapshot returns, without url, token, expires_at and cached. seq is the last
  bundle that changed a file.
Errors:
- 22004: an argument is NULL.
- 42501: the token does not allow reading the snapshot.
- PT404: the project does not exist, the caller may not know of it, or it has no such snapshot.';
GRANT EXECUTE ON FUNCTION quire.get_snapshot_manifest(uuid, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_snapshots(uuid) IS
'Lists the snapshots of a project, the newest first.

Who: readers.
Token: snapshot:read.
Arguments:
- project_uuid: the project.
Returns: rows.
- snapshot_id: the id of the snapshot.
- seq: the last bundle that changed a file of it.
- after_seq: the seq that a delta begins after, or NULL.
- format: zip or tar.zst.
- size: the length of the archive in bytes.
- content_hash: BLAKE3 of the archive, 64 hex digits.
- file_count: the number of its files.
- chunk_count: the number of pieces that read_snapshot_chunk returns.
- created_by: the actor who made it.
- created_at: when it was made.
- checksum: the checksum of the bundle at seq.
Errors:
- 22004: project_uuid is NULL.
- 42501: the token does not allow reading all snapshots.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_snapshots(uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.delete_snapshot(uuid, uuid) IS
'Deletes a snapshot. Whoever holds a token for it gets PT410. A viewer deletes only snapshots of their own that are not
announced.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- snapshot_id: the snapshot. The caller has made it, or is an owner.
Returns: nothing.
Errors:
- 22004: an argument is NULL.
- 42501: the caller is not a member, or has not made the snapshot and is not an owner.
- PT404: the project does not exist, the caller may not know of it, or it has no such snapshot.
- PT409 in_use: somebody else is using the snapshot.';
GRANT EXECUTE ON FUNCTION quire.delete_snapshot(uuid, uuid) TO quire_user;

COMMENT ON FUNCTION quire.download_snapshot(text) IS
'Returns the bytes of the one snapshot that a token is for. It is the target of the snapshot''s URL. It sets
response.headers (Content-Type application/zip or application/zstd, Content-Disposition, Cache-Control) for PostgREST.

Who: holders of the token.
Token: the token itself.
Arguments:
- token: the text of the token.
Returns: the bytes.
Errors:
- 22004: token is NULL.
- 25006: the token counts its uses, and the transaction is read only. PostgreSQL raises it.
- 42501: the token is not valid, or it is not for exactly one snapshot.
- PT404: the maker of the token may not read the project any more.
- PT410 expired: the token has expired.
- PT410 revoked: the token was revoked.
- PT410 used_up: the token was presented as often as it may be.
- PT410: the snapshot was deleted.
- PT413: the archive has more than 500 MiB.
- XX001: a part of the archive is missing or unreadable.';
GRANT EXECUTE ON FUNCTION quire.download_snapshot(text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.verify_snapshot(uuid, uuid) IS
'Hashes a snapshot and every file in it again, and compares the hashes with the manifest.

Who: readers.
Token: snapshot:read.
Arguments:
- project_uuid: the project.
- snapshot_id: the snapshot.
Returns: an object.
    {ok: boolean, snapshot_id: uuid, file_count: integer, problem_count: integer,
     problems: [{file_path?: text, problem: text, expected?: text, actual?: text}]}
- problems: the first 100 problems.
Errors:
- 22004: an argument is NULL.
- 42501: the token does not allow reading the snapshot.
- PT404: the project does not exist, the caller may not know of it, or it has no such snapshot.';
GRANT EXECUTE ON FUNCTION quire.verify_snapshot(uuid, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.restore_snapshot(uuid, bytea, uuid) IS
'Makes the tree what an archive holds, as one bundle of kind import. Files that are not in the archive are deleted; of
a delta, those that it names. Any zip (stored or deflated) and any tar.zst is taken whose entries obey the rules of
paths; directories are left out. The checksums of the archive are checked: in an archive of quire a byte that changed
is refused, or changes no file.

Who: editors.
Token: project:read and file:write.
Arguments:
- project_uuid: the project.
- archive: the archive.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the receipt, as commit_bundle returns it.
Errors:
- 22004: project_uuid or archive is NULL.
- 22023: the archive is no archive or is damaged, or a path, a link, a duplicate or the kind of an entry is not
  allowed.
- 42501: the caller may not write the project, or the token does not allow this.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: the archive has more than 1,000,000 files or 2 GiB, a file is larger than max_file_bytes, or there would be
  more than max_files or max_project_bytes.
- PT422 bound: a file would be no text, and is bound to a document (bind_doc_to_file).
- PT422 invariant_failed: a document that a file is bound to would not satisfy a schema.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.restore_snapshot(uuid, bytea, uuid) TO quire_user, quire_guest;
ALTER FUNCTION quire.restore_snapshot(uuid, bytea, uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.plan_hydration(uuid, jsonb, bigint, text) IS
'Returns the least work that makes a copy of the project''s files complete.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- have: what the copy has, as {path: {content_hash, mode}}, or {path: content_hash} for regular files.
- at_seq: the state that the copy is to have. By default it is the newest.
- at_checksum: the checksum that went with at_seq, 16 to 64 hex digits. The log there must be the one that the caller
  knows.
Returns: an object.
    {seq: integer, checksum: text,
     put: [{file_path: text, content: text | content_base64: text
            | content_omitted: true, content_hash: text, version: integer,
            file_type: text, mode: text, size: integer, is_binary: boolean}],
     delete: [text], keep: integer}
- put: files to write. Beyond 32 MiB of content together, content_omitted is true: read_project_file_bytes has it.
- delete: paths to delete before that.
- keep: the number of files that are right already.
Errors:
- 22004: project_uuid or have is NULL.
- 22023: have has a wrong form, or at_seq or at_checksum is not allowed.
- 42501: the token does not allow reading the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT410 must_refetch: the log at at_seq is another one, because the database was set back to a backup.
- PT410: some content is archived or collected.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.plan_hydration(uuid, jsonb, bigint, text) TO quire_user, quire_guest;
ALTER FUNCTION quire.plan_hydration(uuid, jsonb, bigint, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.begin_session(uuid, interval, text) IS
'Returns everything that a container needs to come up with the files of a project and to follow its edits.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
- ttl: how long its tokens are valid, above 0 and at most 366 days.
- format: the format of the snapshot, zip or tar.zst.
Returns: an object.
    {PROJECT_ID: uuid, SESSION_ID: uuid, SNAPSHOT_URL: text, REALTIME_TOKEN: text,
     SEQ: integer, SEQ_CHECKSUM: text}
- REALTIME_TOKEN: a token for project:read, events:read and this snapshot.
- SEQ: where to begin polling; SEQ_CHECKSUM is the checksum of that bundle.
Errors:
- 22004: an argument is NULL.
- 22023: ttl or format is not allowed.
- 40001: somebody else has made the snapshot or deleted the key since this REPEATABLE READ transaction began.
- 42501: the caller is not a member of the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 concurrent: somebody else is making the snapshot in a transaction that this one does not see.
- PT410: content is archived or collected.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: content of a zip is corrupt. A tar.zst holds stored frames as they are; see verify_snapshot.';
GRANT EXECUTE ON FUNCTION quire.begin_session(uuid, interval, text) TO quire_user;

COMMENT ON FUNCTION quire.finish_session(uuid, uuid) IS
'Revokes the tokens of a session.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- session_id: the session. The caller has begun it, or is an owner.
Returns: nothing.
Errors:
- 22004: an argument is NULL.
- 42501: the caller is not a member, or has not begun the session and is not an owner.
- PT404: the project does not exist, the caller may not know of it, or it has no such session.';
GRANT EXECUTE ON FUNCTION quire.finish_session(uuid, uuid) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
