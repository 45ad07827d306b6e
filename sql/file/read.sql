-- Files, reading: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

GRANT USAGE ON TYPE quire.project_file_head TO quire_guest;

-- What the views touch on behalf of their reader: see install/policy.sql.
GRANT SELECT ON quire_store.project_files, quire_store.file_head, quire_store.file_oplog TO quire_user;

GRANT SELECT ON quire.project_files TO quire_user;
GRANT SELECT ON quire.project_files_current TO quire_user;
GRANT SELECT ON quire.legacy_project_files TO quire_user;

COMMENT ON FUNCTION quire.list_current_files(uuid, text, text, integer, boolean) IS
'Lists the current files, ordered by path.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- path_prefix: a file, or a directory with everything below it. No character is a wildcard. NULL: all files.
- after_path: only paths after this one are returned. The last path of a page is the after_path of the next.
- max_files: the most rows, 1 to 10000. A page with more than 32 MiB of content ends earlier; a page without rows is
  the end. NULL: all files.
- with_content: false leaves content NULL, and nothing is decoded.
Returns: rows.
- file_path: the path.
- file_type: what the file is to the application.
- content: the content as text. NULL for binary files.
- content_hash: BLAKE3 of the content, 64 hex digits.
- version: the number of the version.
- updated_at: when the version was committed.
Errors:
- 22004: project_uuid or with_content is NULL.
- 22023: a path is not allowed, or max_files is out of range.
- PT404: the project does not exist, or the caller may not know of it.
- PT410: some content is archived or collected.
- PT413: the contents take more memory than quire.max_call_memory.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.list_current_files(uuid, text, text, integer, boolean) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_files_at(uuid, bigint, timestamp with time zone, text, text, integer) IS
'Lists the files as they were at a point in time, ordered by path. Exactly one of at_seq, at_time and at_tag is given.
Clients may round times; a seq is exact.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- at_seq: a seq; 0 is an empty tree.
- at_time: a time; the newest bundle up to it counts.
- at_tag: a tag.
- after_path: only paths after this one are returned. The last path of a page is the after_path of the next.
- max_files: the most rows, 1 to 10000, as in list_current_files. NULL: all files.
Returns: rows.
- file_path: the path.
- file_type: what the file is to the application.
- content: the content as text. NULL for binary files.
- content_hash: BLAKE3 of the content, 64 hex digits.
- version: the number of the version.
- updated_at: when the version was committed.
- seq: the bundle that made the version.
- checksum: the checksum of that bundle.
Errors:
- 22004: project_uuid is NULL.
- 22023: none or several of at_seq, at_time and at_tag are given, one of them is out of range, or max_files is.
- PT404: the project does not exist, the caller may not know of it, or it has no such tag.
- PT410: some content is archived or collected.
- PT413: the contents take more memory than quire.max_call_memory.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.list_files_at(uuid, bigint, timestamp with time zone, text, text, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.read_project_file(uuid, text, integer, bigint, text, timestamptz) IS
'Returns one file: the current one, a version, or the one at a point in time. At most one of version, at_seq, at_tag
and at_time is given. Now and at a point in time a deleted file is not found.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- p_file_path: the path: relative, with / between its segments, at most 1024 bytes and 255 in a segment. It is stored
  in the Unicode form NFC.
- version: a version, which may be a tombstone.
- at_seq: a seq, from 0 to the newest.
- at_tag: a tag.
- at_time: a time; the newest bundle up to it counts.
Returns: one row.
- file_path: the path.
- file_type: what the file is to the application.
- content: the content as text. NULL for binary files and tombstones.
- content_hash: BLAKE3 of the content, 64 hex digits. NULL for tombstones.
- version: the number of the version.
- updated_at: when the version was committed.
- size: the length of the content in bytes.
- mode: 100644, 100755 or 120000.
- is_deleted: whether the version is a tombstone.
- is_binary: whether the content is not text.
- seq: the bundle that made the version.
- checksum: the checksum of that bundle.
Errors:
- 22004: project_uuid or p_file_path is NULL.
- 22023: the path is not allowed, several points in time are given, or one is out of range.
- PT404: the project, the file, the version or the tag does not exist, or the caller may not know of the project.
- PT410: the content is archived or collected.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.read_project_file(uuid, text, integer, bigint, text, timestamptz) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.read_project_file_bytes(uuid, text, integer, bigint, text, timestamptz) IS
'Returns the bytes of one file: of the current one, of a version, or of the one at a point in time. Length and hash are
verified. At most one of version, at_seq, at_tag and at_time is given.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- p_file_path: the path: relative, with / between its segments, at most 1024 bytes and 255 in a segment. It is stored
  in the Unicode form NFC.
- version: a version.
- at_seq: a seq, from 0 to the newest.
- at_tag: a tag.
- at_time: a time; the newest bundle up to it counts.
Returns: the bytes.
Errors:
- 22004: project_uuid or p_file_path is NULL.
- 22023: the path is not allowed, several points in time are given, or one is out of range.
- PT404: the project, the file, the version or the tag does not exist, the version is a tombstone, or the caller may
  not know of the project.
- PT410: the content is archived or collected.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.read_project_file_bytes(uuid, text, integer, bigint, text, timestamptz) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.project_file_history(uuid, text, integer, integer) IS
'Lists the versions of a path, the newest first. A path that was never used has none.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- p_file_path: the path: relative, with / between its segments, at most 1024 bytes and 255 in a segment. It is stored
  in the Unicode form NFC.
- before_version: only older versions are returned. The last version of a page is the before_version of the next.
  NULL: from the newest.
- max_versions: the most rows, 1 to 10000.
Returns: rows.
- version: the number of the version.
- op: file.put, file.delete or file.move.
- content_hash: BLAKE3 of the content, 64 hex digits. NULL for tombstones.
- size: the length of the content in bytes.
- file_type: what the file is to the application.
- mode: 100644, 100755 or 120000.
- is_deleted: whether the version is a tombstone.
- is_binary: whether the content is not text.
- moved_from: the path that the file had before a move, or NULL.
- moved_from_version: the version it had there, or NULL.
- moved_to: the path that the file went to, or NULL.
- actor: the actor who wrote the version.
- kind: the kind of the bundle.
- message: the message of the bundle.
- seq: the bundle that made the version.
- committed_at: when the bundle was committed.
Errors:
- 22004: project_uuid or p_file_path is NULL.
- 22023: the path is not allowed, or max_versions or before_version is out of range.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.project_file_history(uuid, text, integer, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.diff_project_file(uuid, text, integer, integer, integer) IS
'Compares two versions of a file and returns a unified diff as git prints it; patch and git apply accept it. For binary
files it is a notice.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- p_file_path: the path: relative, with / between its segments, at most 1024 bytes and 255 in a segment. It is stored
  in the Unicode form NFC.
- from_version: the older version; 0 is before the file.
- to_version: the newer version.
- context_lines: how many unchanged lines surround a change.
Returns: the diff. It is empty when the versions are equal.
Errors:
- 22004: a required argument is NULL.
- 22023: the path is not allowed, or a number is out of range.
- PT404: the project, the file or a version does not exist, or the caller may not know of the project.
- PT410: the content of a version is archived or collected.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.diff_project_file(uuid, text, integer, integer, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.diff_project(uuid, bigint, bigint) IS
'Lists the paths that differ between two seqs, ordered by path. from_seq may be the later one.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- from_seq: the one seq; 0 is an empty tree.
- to_seq: the other seq.
Returns: rows.
- file_path: the path.
- change: added, modified, deleted or moved.
- from_path: the path before, for moved; otherwise NULL.
- from_version: the version at from_seq, or NULL.
- to_version: the version at to_seq, or NULL.
- from_hash: the hash of the content at from_seq, or NULL.
- to_hash: the hash of the content at to_seq, or NULL.
Errors:
- 22004: an argument is NULL.
- 22023: a seq is not one of the project.
- PT404: the project does not exist, or the caller may not know of it.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.diff_project(uuid, bigint, bigint) TO quire_user, quire_guest;
ALTER FUNCTION quire.diff_project(uuid, bigint, bigint) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.list_project_tags(uuid) IS
'Lists the tags of a project, ordered by seq.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
Returns: rows.
- tag: the name.
- seq: the bundle that it names.
- created_by: the actor who made the tag.
- created_at: when the tag was made.
- checksum: the checksum of the bundle.
Errors:
- 22004: project_uuid is NULL.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_project_tags(uuid) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
