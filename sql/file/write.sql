-- Files, writing: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.upsert_project_file(uuid, text, text, text, integer, uuid) IS
'Writes a text file. Unchanged content makes no version and no event.
Arguments: p_file_path (relative, /-separated, at most 1024 bytes, 255 a segment; stored in Unicode form NFC); p_content; p_file_type (default: kept, or inferred from the path); the mode is kept, but a symlink becomes a regular file; expected_version (NULL: last write wins, 0: must not exist, n: head must be n); correlation_id (the same id again returns the first answer and changes nothing).
Returns: the file as quire.project_file_head.
Errors: 22004, 22023, 42501, PT404, PT409 stale_version, path_conflict, correlation_reused; PT413, PT423, PT429.';
GRANT EXECUTE ON FUNCTION quire.upsert_project_file(uuid, text, text, text, integer, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.upsert_project_file_bytes(uuid, text, bytea, text, integer, uuid) IS
'Writes a file of any bytes; is_binary says whether they are text (UTF-8 without NUL). Otherwise like upsert_project_file.
Returns: the file as quire.project_file_head. Errors: as upsert_project_file.';
GRANT EXECUTE ON FUNCTION quire.upsert_project_file_bytes(uuid, text, bytea, text, integer, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.delete_project_file(uuid, text, integer, uuid) IS
'Deletes a file: a tombstone version is added and the history stays.
Arguments: as upsert_project_file. Returns: the tombstone as quire.project_file_head.
Errors: 22004, 22023, 42501, PT404 no such file, PT409, PT423, PT429.';
GRANT EXECUTE ON FUNCTION quire.delete_project_file(uuid, text, integer, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.move_project_file(uuid, text, text, integer, uuid) IS
'Gives a file another path, where no file is. The history of the new path names where it came from.
Arguments: from_path, to_path; expected_version is that of from_path. Returns: the file at to_path as quire.project_file_head.
Errors: 22004, 22023, 42501, PT404, PT409 stale_version, destination_exists, path_conflict; PT423, PT429.';
GRANT EXECUTE ON FUNCTION quire.move_project_file(uuid, text, text, integer, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.bulk_upsert_project_files(uuid, jsonb, uuid) IS
'Writes many files: all or nothing, one bundle, one event.
Arguments: files, an array of {file_path, content | content_base64, file_type?, mode?, expected_version?}; mode is 100644, 100755 or 120000 (symlink; content is its target, relative, inside the project, .. only at its beginning).
Returns: {success, seq, checksum, files: [{file_path, version, content_hash}]}.
Errors: as upsert_project_file, and PT409 duplicate_path, PT413 more items than quire.max_bundle_ops.';
GRANT EXECUTE ON FUNCTION quire.bulk_upsert_project_files(uuid, jsonb, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.bulk_delete_project_files(uuid, text[], uuid) IS
'Deletes many files: all or nothing, one bundle, one event.
Returns: {success, seq, checksum, files: [{file_path, version, content_hash}]}; content_hash is null.
Errors: as delete_project_file, and PT409 duplicate_path, PT413 more items than quire.max_bundle_ops.';
GRANT EXECUTE ON FUNCTION quire.bulk_delete_project_files(uuid, text[], uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.merge_project_file(uuid, text, text, integer, text, uuid) IS
'Writes an edit that was made on an older version, merged with what came after it.
Arguments: p_content (the edit); base_version (what it was made on); strategy (lines: diff3, conflicting hunks are returned and nothing is written; automerge: character merge, of at most 256 KiB a side, which conflicts only when it takes longer than quire.diff_deadline).
Returns: {status, version, seq, checksum, conflicts}; status is merged, unchanged or conflict; conflicts: [{base_start, base_lines, ours_start, ours, theirs_start, theirs}] with lines from 1, ours being p_content; after 8 MiB of such lines, {base_start, ours_start, theirs_start, lines_omitted: true, base_count, ours_count, theirs_count}.
Errors: as upsert_project_file, and 22023 not a text file, PT409 deleted.';
GRANT EXECUTE ON FUNCTION quire.merge_project_file(uuid, text, text, integer, text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.restore_project_file(uuid, text, integer, uuid) IS
'Makes an older version current again, as a new version.
Returns: the file as quire.project_file_head. Errors: as upsert_project_file, and 22023 the version is a deletion, PT404 no such version, PT410 its content is archived or collected, XX001.';
GRANT EXECUTE ON FUNCTION quire.restore_project_file(uuid, text, integer, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.restore_project(uuid, bigint, boolean, uuid) IS
'Makes the whole tree what it was at a seq, as one new bundle; nothing is rewritten.
Arguments: to_seq (0: empty); dry_run (true: only say what would be done).
Returns: {dry_run, to_seq, seq, bundle_id, checksum, files: [{file_path, op, content_hash, version?}]}.
Errors: as commit_bundle, and PT410 some content is archived or collected: then nothing is written; XX001.';
GRANT EXECUTE ON FUNCTION quire.restore_project(uuid, bigint, boolean, uuid) TO quire_user, quire_guest;
ALTER FUNCTION quire.restore_project(uuid, bigint, boolean, uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.tag_project(uuid, text, bigint, uuid) IS
'Gives a seq a name. A tag does not move: the same name at another seq is refused.
Arguments: tag (1 to 255 characters); at_seq (default: the newest). Returns: the seq.
Errors: 22004, 22023, 42501, PT404, PT409, PT423.';
GRANT EXECUTE ON FUNCTION quire.tag_project(uuid, text, bigint, uuid) TO quire_user;

COMMENT ON FUNCTION quire.import_legacy_files(uuid, regclass, name, name, name, uuid) IS
'Brings the files of an existing table in, in bundles of at most 1,000. Reads the table with the caller''s own rights.
Arguments: source (a table or view); path_column, content_column, type_column (default: types are inferred).
Returns: {imported, seq}. Errors: as commit_bundle, and PostgreSQL''s own of reading the table, such as 42703 it has no such column.';
GRANT EXECUTE ON FUNCTION quire.import_legacy_files(uuid, regclass, name, name, name, uuid) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
