-- Ownership, grants and comments. Runs last.

-- Everything in the script belongs to quire_owner, so that definer functions run with its rights and never as superuser.
-- Schema quire itself stays with the installing role: it is no member of the extension, and a dump that named
-- quire_owner before CREATE EXTENSION makes it could not be restored into a fresh cluster.
ALTER SCHEMA quire_store OWNER TO quire_owner;
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT c.oid::pg_catalog.regclass::text AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind
        FROM pg_catalog.pg_class c
        WHERE c.relnamespace IN ('quire'::pg_catalog.regnamespace, 'quire_store'::pg_catalog.regnamespace)
          AND c.relkind IN ('r', 'v')
    LOOP
        EXECUTE pg_catalog.format('ALTER %s %s OWNER TO quire_owner', item.kind, item.name);
    END LOOP;
    FOR item IN
        SELECT p.oid::pg_catalog.regprocedure::text AS name FROM pg_catalog.pg_proc p
        WHERE p.pronamespace IN ('quire'::pg_catalog.regnamespace, 'quire_store'::pg_catalog.regnamespace)
    LOOP
        EXECUTE pg_catalog.format('ALTER FUNCTION %s OWNER TO quire_owner', item.name);
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', item.name);
    END LOOP;
END
$$;
ALTER TYPE quire.project_file_head OWNER TO quire_owner;

-- What each role may call.
GRANT USAGE ON SCHEMA quire TO quire_owner, quire_guest;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA quire TO quire_user;
REVOKE EXECUTE ON FUNCTION quire.map_role_to_actor(text, uuid, text) FROM quire_user;
GRANT EXECUTE ON FUNCTION quire.map_role_to_actor(text, uuid, text) TO quire_admin;
GRANT SELECT ON ALL TABLES IN SCHEMA quire TO quire_user;

-- What the security_invoker views touch on behalf of the caller; row level security decides which rows. Nobody but
-- quire_owner has USAGE on quire_store, so none of this can be named directly.
GRANT SELECT ON quire_store.project_files, quire_store.file_head, quire_store.bundle, quire_store.blob,
    quire_store.blob_chunk TO quire_user;
GRANT EXECUTE ON FUNCTION quire_store.readable_projects(), quire_store.blob_text(quire_store.blob),
    quire_store.missing_text(bytea), quire_store.chunked_text(quire_store.blob),
    quire_store.decode_text(smallint, bigint, bytea, bytea),
    quire_store.decode_text_chunks(smallint[], bigint[], bytea[], bigint, bytea) TO quire_user;

COMMENT ON SCHEMA quire_store IS 'Storage of quire. Not an interface: use the functions and views of schema quire.';
COMMENT ON TYPE quire.project_file_head IS
'A file as a writer leaves it: id (of the version), file_path, file_type, content_hash (64 hex digits of BLAKE3; NULL when deleted), version (from 1), parent_version_id, size (bytes), is_deleted, is_binary, seq (of the bundle that made the version), updated_at.';

-- Projects and people -----------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.create_project(text, uuid, text, jsonb) IS
'Creates a project; the caller becomes its owner.
Arguments: name (1 to 255 characters); project_uuid (default: a new UUIDv7); visibility (private or public: everybody may read); settings (see update_project).
Returns: the project''s id.
Errors: 22004, 22023, 42501 nobody is signed in, PT409 the id is taken.';
COMMENT ON FUNCTION quire.get_project(uuid) IS
'A project as JSON.
Returns: {project_id, name, kind, visibility, status, settings, role, created_by, created_at, updated_at, seq, checksum, file_count, total_bytes}; role is the caller''s, or null; seq and checksum are those of the newest bundle; file_count and total_bytes (bytes) count current files.
Errors: 22004, PT404.';
COMMENT ON FUNCTION quire.list_projects() IS
'The projects the caller is a member of, by name; all of them for an administrator.
Returns: rows (project_id, name, kind, visibility, status, role, seq, changed_at).';
COMMENT ON FUNCTION quire.update_project(uuid, jsonb) IS
'Changes a project''s name, visibility or settings. Owners only.
Arguments: changes, an object with any of name, visibility, settings; settings are laid over the current ones, null takes one back to its default.
Settings: max_file_bytes (default 67108864, at most 536870912), max_project_bytes and max_files (of current files; default unlimited), rate_limit {"per_minute": n, "burst": n} (writes per actor; default off), broadcast (hint, full or off; default hint).
Returns: like get_project. Errors: 22004, 22023 unknown member or bad value, 42501, PT404, PT423.';
COMMENT ON FUNCTION quire.archive_project(uuid) IS
'Makes a project read only: writers answer PT423. Owners only.
Returns: like get_project. Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.unarchive_project(uuid) IS
'Makes an archived project writable again. Owners only.
Returns: like get_project. Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.delete_project(uuid, text) IS
'Deletes a project with its files, history, log and members. Cannot be undone. Owners only.
Arguments: confirm_name, the project''s exact name.
Errors: 22004, 22023 the name differs, 42501, PT404.';
COMMENT ON FUNCTION quire.set_project_member(uuid, uuid, text) IS
'Adds a member or changes their role. Owners only.
Arguments: member (an actor id; registered if new); role (owner: manages, editor: writes, viewer: reads).
Returns: {member, role}. Errors: 22004, 22023, 42501, PT404, PT422 the last owner cannot be demoted.';
COMMENT ON FUNCTION quire.remove_project_member(uuid, uuid) IS
'Removes a member; what they did stays in the history. Owners only; anybody may remove themselves.
Errors: 22004, 22023, 42501, PT404 no such member, PT422 the last owner cannot go.';
COMMENT ON FUNCTION quire.list_project_members(uuid) IS
'Members of a project, strongest role first. Members only, also in a public project.
Returns: rows (member, display_name, role, added_by, added_at). Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.map_role_to_actor(text, uuid, text) IS
'Makes a database role act as an actor; a role has one actor and an actor one role. Administrators only.
Arguments: db_role (must exist); actor (default: a new one); display_name (default: unchanged).
Returns: the actor''s id. Errors: 22004, 22023, 42501, PT404 no such role.';
COMMENT ON FUNCTION quire.whoami() IS
'Who the caller is to quire.
Returns: {actor_id, display_name, via, db_role, is_admin}; via is jwt, db_role, system or anonymous. Errors: 42501 the JWT claims are not those of a user.';

-- Writing files -----------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.upsert_project_file(uuid, text, text, text, integer, uuid) IS
'Writes a text file. Unchanged content makes no version and no event.
Arguments: p_file_path (relative, /-separated, at most 1024 bytes, 255 a segment; stored in Unicode form NFC); p_content; p_file_type (default: kept, or inferred from the path); the mode is kept, but a symlink becomes a regular file; expected_version (NULL: last write wins, 0: must not exist, n: head must be n); correlation_id (the same id again returns the first answer and changes nothing).
Returns: the file as quire.project_file_head.
Errors: 22004, 22023, 42501, PT404, PT409 stale_version, path_conflict, correlation_reused; PT413, PT423, PT429.';
COMMENT ON FUNCTION quire.upsert_project_file_bytes(uuid, text, bytea, text, integer, uuid) IS
'Writes a file of any bytes; is_binary says whether they are text (UTF-8 without NUL). Otherwise like upsert_project_file.
Returns: the file as quire.project_file_head. Errors: as upsert_project_file.';
COMMENT ON FUNCTION quire.delete_project_file(uuid, text, integer, uuid) IS
'Deletes a file: a tombstone version is added and the history stays.
Arguments: as upsert_project_file. Returns: the tombstone as quire.project_file_head.
Errors: 22004, 22023, 42501, PT404 no such file, PT409, PT423, PT429.';
COMMENT ON FUNCTION quire.move_project_file(uuid, text, text, integer, uuid) IS
'Gives a file another path, where no file is. The history of the new path names where it came from.
Arguments: from_path, to_path; expected_version is that of from_path. Returns: the file at to_path as quire.project_file_head.
Errors: 22004, 22023, 42501, PT404, PT409 stale_version, destination_exists, path_conflict; PT423, PT429.';
COMMENT ON FUNCTION quire.bulk_upsert_project_files(uuid, jsonb, uuid) IS
'Writes many files: all or nothing, one bundle, one event.
Arguments: files, an array of {file_path, content | content_base64, file_type?, mode?, expected_version?}; mode is 100644, 100755 or 120000 (symlink; content is its target, relative, inside the project, .. only at its beginning).
Returns: {success, seq, files: [{file_path, version, content_hash}]}.
Errors: as upsert_project_file, and PT409 duplicate_path, PT413 more items than quire.max_bundle_ops.';
COMMENT ON FUNCTION quire.bulk_delete_project_files(uuid, text[], uuid) IS
'Deletes many files: all or nothing, one bundle, one event.
Returns: {success, seq, files: [{file_path, version, content_hash}]}; content_hash is null.
Errors: as delete_project_file, and PT409 duplicate_path, PT413 more items than quire.max_bundle_ops.';
COMMENT ON FUNCTION quire.commit_bundle(uuid, jsonb, text, text, bigint, uuid) IS
'Commits any mix of operations as one bundle: all or nothing, one seq, one event. Operations apply in order.
Arguments: ops, an array of {"op": "file.put", file_path, content | content_base64, file_type?, mode?, expected_version?}, {"op": "file.delete", file_path, expected_version?}, {"op": "file.move", from_path, to_path, expected_version?}; kind (user_edit, import, job_output or merge_resolution); message (at most 64 KiB); base_seq (refuse if a touched path changed after it); correlation_id.
Returns: {seq, bundle_id, checksum, ops: [{op, file_path, from_path?, version, content_hash, status}]}; bundle_id and checksum are null when nothing changed.
Errors: as upsert_project_file, and PT409 base_changed, PT413 more operations than quire.max_bundle_ops.';
COMMENT ON FUNCTION quire.merge_project_file(uuid, text, text, integer, text, uuid) IS
'Writes an edit that was made on an older version, merged with what came after it.
Arguments: p_content (the edit); base_version (what it was made on); strategy (lines: diff3, conflicting hunks are returned and nothing is written; automerge: character merge, never conflicts; at most 256 KiB a side may conflict).
Returns: {status, version, seq, conflicts}; status is merged, unchanged or conflict; conflicts: [{base_start, base_lines, ours_start, ours, theirs_start, theirs}] with lines from 1, ours being p_content.
Errors: as upsert_project_file, and 22023 not a text file, PT409 deleted.';
COMMENT ON FUNCTION quire.restore_project_file(uuid, text, integer, uuid) IS
'Makes an older version current again, as a new version.
Returns: the file as quire.project_file_head. Errors: as upsert_project_file, and 22023 the version is a deletion, PT404 no such version.';
COMMENT ON FUNCTION quire.restore_project(uuid, bigint, boolean, uuid) IS
'Makes the whole tree what it was at a seq, as one new bundle; nothing is rewritten.
Arguments: to_seq (0: empty); dry_run (true: only say what would be done).
Returns: {dry_run, to_seq, seq, bundle_id, checksum, files: [{file_path, op, content_hash, version?}]}.
Errors: as commit_bundle.';
COMMENT ON FUNCTION quire.tag_project(uuid, text, bigint, uuid) IS
'Gives a seq a name. A tag does not move: the same name at another seq is refused.
Arguments: tag (1 to 255 characters); at_seq (default: the newest). Returns: the seq.
Errors: 22004, 22023, 42501, PT404, PT409, PT423.';
COMMENT ON FUNCTION quire.import_legacy_files(uuid, regclass, name, name, name, uuid) IS
'Brings the files of an existing table in, in bundles of at most 1,000. Reads the table with the caller''s own rights.
Arguments: source (a table or view); path_column, content_column, type_column (default: types are inferred).
Returns: {imported, seq}. Errors: as commit_bundle, and those of reading the table.';

-- Reading files -----------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.list_current_files(uuid, text) IS
'The current files, by path.
Arguments: path_prefix (a file, or a directory with everything below it; no character is a wildcard).
Returns: rows (file_path, file_type, content, content_hash, version, updated_at); content is NULL for binary files.
Errors: 22004, 22023, PT404, XX001.';
COMMENT ON FUNCTION quire.list_files_at(uuid, bigint, timestamp with time zone, text) IS
'The files at a point in time, by path.
Arguments: exactly one of at_seq (0: empty), at_time, at_tag. Returns: like list_current_files.
Errors: 22004, 22023, PT404 no such project or tag, XX001.';
COMMENT ON FUNCTION quire.read_project_file(uuid, text, integer) IS
'One file, current or at a version.
Arguments: version (default: the current one; a deleted file is then not found).
Returns: one row (file_path, file_type, content, content_hash, version, updated_at, size, mode, is_deleted, is_binary, seq); content is NULL for binary files and tombstones.
Errors: 22004, 22023, PT404, XX001.';
COMMENT ON FUNCTION quire.read_project_file_bytes(uuid, text, integer) IS
'Bytes of one file, current or at a version; length and hash are verified.
Returns: the bytes. Errors: 22004, 22023, PT404 also for a tombstone, XX001.';
COMMENT ON FUNCTION quire.project_file_history(uuid, text, integer, integer) IS
'Versions of a path, newest first; none for a path never used.
Arguments: before_version (default: from the newest); max_versions (1 to 10000, default 100).
Returns: rows (version, op, content_hash, size, file_type, mode, is_deleted, is_binary, moved_from, moved_from_version, moved_to, actor, kind, message, seq, committed_at).
Errors: 22004, 22023, PT404.';
COMMENT ON FUNCTION quire.diff_project_file(uuid, text, integer, integer, integer) IS
'A unified diff of two versions of a file, as git prints it; patch and git apply accept it. Empty when they are equal; a notice for binary files.
Arguments: from_version, to_version (0: before the file); context_lines (default 3).
Errors: 22004, 22023, PT404, XX001.';
COMMENT ON FUNCTION quire.diff_project(uuid, bigint, bigint) IS
'Paths that differ between two seqs, by path; from_seq may be the later one.
Returns: rows (file_path, change, from_path, from_version, to_version, from_hash, to_hash); change is added, modified, deleted or moved; from_path is set for moved.
Errors: 22004, 22023, PT404.';
COMMENT ON FUNCTION quire.list_project_tags(uuid) IS
'Tags, by seq. Returns: rows (tag, seq, created_by, created_at). Errors: 22004, PT404.';

-- Events ------------------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.poll_events(uuid, bigint, integer, boolean) IS
'The events after a cursor, in seq order, one per bundle; keep the last seq as the next cursor. Gap-free: a later event never appears before an earlier one.
Arguments: after_seq (0: from the beginning); max_events (1 to 1000; a page with more than 32 MiB of content ends early); with_content.
Returns: rows (seq, event, payload, committed_at); event is file:update, file:delete or bulk:apply; content of binary files is in content_base64; content_omitted: true says that it was too large.
Errors: 22004, 22023, PT404, PT410 the cursor is ahead of the log: fetch the project again.';
COMMENT ON FUNCTION quire.create_subscription(uuid, text, jsonb, bigint) IS
'Starts a durable subscription of the caller''s. Members only, also in a public project.
Arguments: name (unique in the project, 1 to 255 characters); filter {"paths": [glob, ...], "events": [name, ...]} (absent: everything; in globs * and ? stay inside a segment, ** crosses them); after_seq (default 0: from the beginning).
Errors: 22004, 22023, 42501 not a member, PT404, PT409 the name is taken, PT410.';
COMMENT ON FUNCTION quire.poll_subscription(uuid, text, integer, interval) IS
'Hands out the next matching events and leases them: until they are acknowledged or the lease ends, further polls get nothing; after it they are handed out again.
Arguments: max_events (1 to 1000); lease (0 seconds to 1 day).
Returns: rows like poll_events; of a bulk:apply only the matching files. Errors: 22004, 22023, PT404, PT410.';
COMMENT ON FUNCTION quire.ack_subscription(uuid, text, bigint) IS
'Acknowledges everything up to a seq: it is never handed out again. When that moves the cursor the lease ends, and what is left is handed out again.
Returns: the cursor. Errors: 22004, 22023 beyond what was handed out, PT404.';
COMMENT ON FUNCTION quire.list_subscriptions(uuid) IS
'The caller''s subscriptions; all of them for an owner.
Returns: rows (name, actor, filter, cursor_seq, behind, leased_until, created_at); behind is in bundles. Errors: 22004, PT404.';
COMMENT ON FUNCTION quire.drop_subscription(uuid, text) IS
'Ends a subscription. Errors: 22004, PT404.';

-- Views -------------------------------------------------------------------------------------------------------------

COMMENT ON VIEW quire.project_files IS
'Every version of every file of the projects the caller may read. content is NULL for binary files and tombstones; content_hash is 64 hex digits of BLAKE3.';
COMMENT ON VIEW quire.project_files_current IS
'The current files of the projects the caller may read; columns as in project_files.';
COMMENT ON VIEW quire.legacy_project_files IS
'The current files under older column names: path for file_path, type for file_type.';
COMMENT ON VIEW quire.bundles IS
'The log of the projects the caller may read, one row per bundle. checksum = BLAKE3(prev_checksum, header, checksums of the operations).';
COMMENT ON VIEW quire.oplog IS
'Every operation of the projects the caller may read. checksum is BLAKE3 of the operation''s canonical JSON (RFC 8785); before and after are JSON.';
