-- What may be called about snapshots: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

GRANT USAGE ON TYPE quire."*/*" TO quire_guest;

-- What the view oplog touches on behalf of its reader: see install/policy.sql.
GRANT SELECT ON quire_store.snapshot_oplog TO quire_user;

COMMENT ON FUNCTION quire.create_project_snapshot(uuid, text, bigint, bigint, interval, text, text) IS
'Makes an archive of a project, or finds the one that is there: the same files, paths, modes and times of change give the same bytes, which are made once. Members only.
Arguments: format (zip, or tar.zst: faster, for GNU tar and zstd); at_seq (default: the newest); since_seq (a delta: only files changed since, and a first entry .quire/delta.json {since_seq, seq, deleted}; default: everything); at_checksum and since_checksum (the checksums as they went with at_seq and since_seq: 16 to 64 hex digits; the log there must be the one that the caller knows); ttl (of the token, above 0, at most 366 days).
Returns: {snapshot_id, project_id, seq, checksum, since_seq, format, size, content_hash, file_count, chunk_count, created_at, manifest: [{file_path, content_hash, size, version, file_type, mode}], deleted, url, token, expires_at, cached}; content_hash is BLAKE3 of the archive, size its bytes; url is quire.public_url and the path of download_snapshot with the token, which is for this snapshot only; deleted is null unless it is a delta; since_seq is the last bundle up to the one asked for that changed a file.
A new one of somebody who can write makes a bundle of kind system, whose event is snapshot:ready; that of a viewer is not announced. Those beyond the setting snapshots_kept or older than snapshots_max_age go, unless an unexpired token names them.
Errors: 22004, 22023, 42501 no member, PT404, PT410 must_refetch: the log is another one there, because the database was set back; PT423, PT429, XX001 (of contents, in a zip; a tar.zst holds stored frames as they are, see verify_snapshot); 40001 in a REPEATABLE READ transaction, when somebody else has made it.';
GRANT EXECUTE ON FUNCTION quire.create_project_snapshot(uuid, text, bigint, bigint, interval, text, text) TO quire_user;
ALTER FUNCTION quire.create_project_snapshot(uuid, text, bigint, bigint, interval, text, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.read_snapshot(uuid, uuid) IS
'The archive''s bytes. Errors: 22004, 42501, PT404, PT410 it was deleted meanwhile, PT413 over 500 MiB: use read_snapshot_chunk; XX001 a part of it is missing or unreadable.';
GRANT EXECUTE ON FUNCTION quire.read_snapshot(uuid, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.read_snapshot_chunk(uuid, uuid, integer) IS
'A piece of the archive; all of them, in order, are the archive.
Arguments: ordinal (1 to chunk_count; every chunk but the last has 1 MiB). Errors: 22004, 42501, PT404, XX001.';
GRANT EXECUTE ON FUNCTION quire.read_snapshot_chunk(uuid, uuid, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.get_snapshot_manifest(uuid, uuid) IS
'What a snapshot holds.
Returns: like create_project_snapshot, without url, token, expires_at and cached; seq is that of the last bundle that changed a file. Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.get_snapshot_manifest(uuid, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_snapshots(uuid) IS
'Snapshots, newest first.
Returns: rows (snapshot_id, seq, since_seq, format, size, content_hash, file_count, chunk_count, created_by, created_at, checksum). Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.list_snapshots(uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.delete_snapshot(uuid, uuid) IS
'Deletes a snapshot; who holds a token for it gets PT410. Whoever made it (a viewer only one that is not announced), or an owner. Errors: 22004, 42501, PT404, PT409 somebody else is using it.';
GRANT EXECUTE ON FUNCTION quire.delete_snapshot(uuid, uuid) TO quire_user;

COMMENT ON FUNCTION quire.download_snapshot(text) IS
'The bytes of the one snapshot a token is for: the target of its URL. Sets response.headers (Content-Type application/zip or application/zstd, Content-Disposition, Cache-Control) for PostgREST.
Errors: 22004; 42501 this token is not valid, or not for exactly one snapshot; PT404 its maker may not read the project any more; PT410 it has expired, been revoked or been used up, or the snapshot has been deleted; PT413 over 500 MiB; XX001.';
GRANT EXECUTE ON FUNCTION quire.download_snapshot(text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.verify_snapshot(uuid, uuid) IS
'Hashes a snapshot and every file in it again, and compares with the manifest.
Returns: {ok, snapshot_id, file_count, problem_count, problems: [{file_path?, problem, expected?, actual?}]} (the first 100). Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.verify_snapshot(uuid, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.restore_snapshot(uuid, bytea, uuid) IS
'Makes the tree what an archive holds, as one bundle of kind import: files that are not in it are deleted; of a delta, those it names. Takes any zip (stored or deflated) or tar.zst whose entries obey the rules of paths; directories are left out. Checks the checksums it has: in an archive of quire''s a byte that changed is refused, or changes no file.
Arguments: archive; correlation_id. Returns: like commit_bundle.
Errors: 22004; 22023 not an archive, damaged, or a path, link, duplicate or kind of entry that is not allowed; 42501, PT404, PT409, PT413 more than 1,000,000 files, max_file_bytes, max_project_bytes or 2 GiB; PT423, PT429.';
GRANT EXECUTE ON FUNCTION quire.restore_snapshot(uuid, bytea, uuid) TO quire_user, quire_guest;
ALTER FUNCTION quire.restore_snapshot(uuid, bytea, uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.plan_hydration(uuid, jsonb, bigint, text) IS
'The least work that makes a copy of the project''s files complete.
Arguments: have, an object {path: {content_hash, mode}} of what is there, or {path: content_hash} for regular files; at_seq (default: the newest); at_checksum (the checksum as it went with at_seq: 16 to 64 hex digits; the log there must be the one that the caller knows).
Returns: {seq, checksum, put: [{file_path, content | content_base64 | content_omitted, content_hash, version, file_type, mode, size, is_binary}], delete: [path], keep}; content_omitted: true beyond 32 MiB together: read_project_file_bytes has it. Errors: 22004, 22023, 42501, PT404, PT410 must_refetch: the log at at_seq is another one, XX001.';
GRANT EXECUTE ON FUNCTION quire.plan_hydration(uuid, jsonb, bigint, text) TO quire_user, quire_guest;
ALTER FUNCTION quire.plan_hydration(uuid, jsonb, bigint, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.start_session(uuid, interval, text) IS
'Everything a container needs to come up with the project''s files and follow its edits. Members only.
Arguments: ttl (of its tokens, at most 366 days); format (of the snapshot).
Returns: {PROJECT_ID, SESSION_ID, SNAPSHOT_URL, REALTIME_TOKEN, SEQ, SEQ_CHECKSUM}; the token is for project:read, events:read and this snapshot; SEQ and SEQ_CHECKSUM are the cursor to start polling from.
Errors: as create_project_snapshot.';
GRANT EXECUTE ON FUNCTION quire.start_session(uuid, interval, text) TO quire_user;

COMMENT ON FUNCTION quire.end_session(uuid, uuid) IS
'Revokes the tokens of a session. Whoever started it, or an owner. Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.end_session(uuid, uuid) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
