-- Files, reading: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

GRANT USAGE ON TYPE quire.project_file_head TO quire_guest;

-- What the views touch on behalf of their reader: see install/policy.sql.
GRANT SELECT ON quire_store.project_files, quire_store.file_head, quire_store.file_oplog TO quire_user;

GRANT SELECT ON quire.project_files TO quire_user;
GRANT SELECT ON quire.project_files_current TO quire_user;
GRANT SELECT ON quire.legacy_project_files TO quire_user;

COMMENT ON FUNCTION quire.list_current_files(uuid, text, text, integer, boolean) IS
'The current files, by path.
Arguments: path_prefix (a file, or a directory with everything below it; no character is a wildcard); after_path (only later paths), max_files (1 to 10000; a page with more than 32 MiB of content ends early; default: all files): for reading in pages, the last path of one is after_path of the next, and a page without rows is the end; with_content (false: content is NULL, and nothing is decoded).
Returns: rows (file_path, file_type, content, content_hash, version, updated_at); content is NULL for binary files.
Errors: 22004, 22023, PT404, PT410 some content is archived or collected, PT413 more content in one call than quire.max_call_memory, XX001.';
GRANT EXECUTE ON FUNCTION quire.list_current_files(uuid, text, text, integer, boolean) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_files_at(uuid, bigint, timestamp with time zone, text, text, integer) IS
'The files at a point in time, by path.
Arguments: exactly one of at_seq (0: empty), at_time, at_tag; after_path and max_files as for list_current_files.
Returns: like list_current_files, and seq and checksum (of the bundle that made the version): to ask for the same moment again, give it as at_seq, because clients may round times.
Errors: 22004, 22023, PT404 no such project or tag, PT410 some content is archived or collected, PT413 more content in one call than quire.max_call_memory, XX001.';
GRANT EXECUTE ON FUNCTION quire.list_files_at(uuid, bigint, timestamp with time zone, text, text, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.read_project_file(uuid, text, integer, bigint, text, timestamptz) IS
'One file, current, at a version or at a point in time.
Arguments: at most one of version (a tombstone, too), at_seq (0 to the project''s), at_tag and at_time (as list_files_at); default: the file as it is now. Now and at a point in time a deleted file is not found.
Returns: one row (file_path, file_type, content, content_hash, version, updated_at, size, mode, is_deleted, is_binary, seq, checksum); content is NULL for binary files and tombstones.
Errors: 22004, 22023, PT404, PT410 its content is archived or collected, XX001.';
GRANT EXECUTE ON FUNCTION quire.read_project_file(uuid, text, integer, bigint, text, timestamptz) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.read_project_file_bytes(uuid, text, integer, bigint, text, timestamptz) IS
'Bytes of one file, current, at a version or at a point in time; length and hash are verified.
Arguments: as read_project_file.
Returns: the bytes. Errors: 22004, 22023, PT404 also for a tombstone, PT410 its content is archived or collected, XX001.';
GRANT EXECUTE ON FUNCTION quire.read_project_file_bytes(uuid, text, integer, bigint, text, timestamptz) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.project_file_history(uuid, text, integer, integer) IS
'Versions of a path, newest first; none for a path never used.
Arguments: before_version (exclusive; default: from the newest); max_versions (1 to 10000, default 100): for reading in pages, the version of the last row of one is before_version of the next.
Returns: rows (version, op, content_hash, size, file_type, mode, is_deleted, is_binary, moved_from, moved_from_version, moved_to, actor, kind, message, seq, committed_at).
Errors: 22004, 22023, PT404.';
GRANT EXECUTE ON FUNCTION quire.project_file_history(uuid, text, integer, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.diff_project_file(uuid, text, integer, integer, integer) IS
'A unified diff of two versions of a file, as git prints it; patch and git apply accept it. Empty when they are equal; a notice for binary files.
Arguments: from_version, to_version (0: before the file); context_lines (default 3).
Errors: 22004, 22023, PT404, XX001.';
GRANT EXECUTE ON FUNCTION quire.diff_project_file(uuid, text, integer, integer, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.diff_project(uuid, bigint, bigint) IS
'Paths that differ between two seqs, by path; from_seq may be the later one.
Returns: rows (file_path, change, from_path, from_version, to_version, from_hash, to_hash); change is added, modified, deleted or moved; from_path is set for moved.
Errors: 22004, 22023, PT404, XX001.';
GRANT EXECUTE ON FUNCTION quire.diff_project(uuid, bigint, bigint) TO quire_user, quire_guest;
ALTER FUNCTION quire.diff_project(uuid, bigint, bigint) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.list_project_tags(uuid) IS
'Tags, by seq. Returns: rows (tag, seq, created_by, created_at, checksum). Errors: 22004, PT404.';
GRANT EXECUTE ON FUNCTION quire.list_project_tags(uuid) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
