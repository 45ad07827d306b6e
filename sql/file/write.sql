-- Files, writing: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.upsert_project_file(uuid, text, text, text, integer, uuid) IS
'Writes a text file. Unchanged content makes no version and no event. The mode of an existing file is kept, but a
symlink becomes a regular file.

Who: editors.
Token: file:write.
Arguments:
- project_uuid: the project.
- p_file_path: the path: relative, with / between its segments, at most 1024 bytes and 255 in a segment. It is stored
  in the Unicode form NFC.
- p_content: the content.
- p_file_type: what the file is to the application. By default the type is kept, or inferred from the path.
- expected_version: the version that the file must be at; 0: the file must not exist. NULL: the last write wins.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the file as quire.project_file_head.
Errors:
- 22004: project_uuid, p_file_path or p_content is NULL.
- 22023: the path or the type is not allowed.
- 42501: the caller may not write the project, or the token does not allow this.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 stale_version: the file is not at expected_version. DETAIL has its current version.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: the file is larger than max_file_bytes, or there would be more than max_files or max_project_bytes.
- PT422 bound: a file would be no text, and is bound to a document (bind_doc_to_file), which may also be too large for
  it (PT413).
- PT422 invariant_failed: a document that a file is bound to would not satisfy a schema.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.upsert_project_file(uuid, text, text, text, integer, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.upsert_project_file_bytes(uuid, text, bytea, text, integer, uuid) IS
'Writes a file of any bytes. The column is_binary says whether they are no text (UTF-8 without NUL). Otherwise the
function does what upsert_project_file does. Bytes are never decoded: base64 that is passed here is stored as base64;
commit_bundle has content_base64 for that.

Who: editors.
Token: file:write.
Arguments:
- project_uuid: the project.
- p_file_path: the path: relative, with / between its segments, at most 1024 bytes and 255 in a segment. It is stored
  in the Unicode form NFC.
- p_bytes: the content.
- p_file_type: what the file is to the application. By default the type is kept, or inferred from the path.
- expected_version: the version that the file must be at; 0: the file must not exist. NULL: the last write wins.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the file as quire.project_file_head.
Errors:
- 22004: project_uuid, p_file_path or p_bytes is NULL.
- 22023: the path or the type is not allowed.
- 42501: the caller may not write the project, or the token does not allow this.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 stale_version: the file is not at expected_version. DETAIL has its current version.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: the file is larger than max_file_bytes, or there would be more than max_files or max_project_bytes.
- PT422 bound: a file would be no text, and is bound to a document (bind_doc_to_file), which may also be too large for
  it (PT413).
- PT422 invariant_failed: a document that a file is bound to would not satisfy a schema.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.upsert_project_file_bytes(uuid, text, bytea, text, integer, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.delete_project_file(uuid, text, integer, uuid) IS
'Deletes a file. A tombstone version is added, and the history stays.

Who: editors.
Token: file:write.
Arguments:
- project_uuid: the project.
- p_file_path: the path: relative, with / between its segments, at most 1024 bytes and 255 in a segment. It is stored
  in the Unicode form NFC.
- expected_version: the version that the file must be at; 0: the file must not exist. NULL: the last write wins.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the tombstone as quire.project_file_head.
Errors:
- 22004: project_uuid or p_file_path is NULL.
- 22023: the path is not allowed.
- 42501: the caller may not write the project, or the token does not allow this.
- PT404: the project does not exist, the caller may not know of it, or no file has this path.
- PT409 stale_version: the file is not at expected_version. DETAIL has its current version.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.delete_project_file(uuid, text, integer, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.move_project_file(uuid, text, text, integer, uuid) IS
'Gives a file another path at which there is no file. The history of the new path names the old one.

Who: editors.
Token: file:write.
Arguments:
- project_uuid: the project.
- from_path: the path of the file.
- to_path: the new path.
- expected_version: the version that from_path must be at. NULL: any.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the file at to_path as quire.project_file_head.
Errors:
- 22004: project_uuid, from_path or to_path is NULL.
- 22023: a path is not allowed, or a symlink would point out of the project.
- 42501: the caller may not write the project, or the token does not allow this.
- PT404: the project does not exist, the caller may not know of it, or no file has the path from_path.
- PT409 stale_version: the file is not at expected_version. DETAIL has its current version.
- PT409 destination_exists: a file has the path to_path.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.move_project_file(uuid, text, text, integer, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.bulk_upsert_project_files(uuid, jsonb, uuid) IS
'Writes many files as one bundle: all of them or none.

Who: editors.
Token: file:write.
Arguments:
- project_uuid: the project.
- files: an array of files. The mode is 100644, 100755 or 120000. The content of a symlink (120000) is its target:
  relative, inside the project, with .. at its beginning only.
    {file_path, content | content_base64, file_type?, mode?, expected_version?}
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {success: boolean, seq: integer, checksum: text,
     files: [{file_path: text, version: integer, content_hash: text}]}
Errors:
- 22004: project_uuid or files is NULL.
- 22023: files is no such array, or a path, type, mode or link is not allowed.
- 42501: the caller may not write the project, or the token does not allow this.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 stale_version: a file is not at its expected_version. DETAIL has its current version.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 duplicate_path: a path is in files twice.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: files has more items than quire.max_bundle_ops, a file is larger than max_file_bytes, or there would be more
  than max_files or max_project_bytes.
- PT422 bound: a file would be no text, and is bound to a document (bind_doc_to_file), which may also be too large for
  it (PT413).
- PT422 invariant_failed: a document that a file is bound to would not satisfy a schema.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.bulk_upsert_project_files(uuid, jsonb, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.bulk_delete_project_files(uuid, text[], uuid) IS
'Deletes many files as one bundle: all of them or none.

Who: editors.
Token: file:write.
Arguments:
- project_uuid: the project.
- paths: the paths of the files.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object. Each content_hash is null.
    {success: boolean, seq: integer, checksum: text,
     files: [{file_path: text, version: integer, content_hash: null}]}
Errors:
- 22004: project_uuid or paths is NULL.
- 22023: paths is empty or has an item that is NULL, or a path is not allowed.
- 42501: the caller may not write the project, or the token does not allow this.
- PT404: the project does not exist, the caller may not know of it, or a path has no file.
- PT409 duplicate_path: a path is in paths twice.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: paths has more items than quire.max_bundle_ops.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.bulk_delete_project_files(uuid, text[], uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.merge_project_file(uuid, text, text, integer, text, uuid) IS
'Writes an edit that was made on an older version, merged with what came after that version.

Who: editors.
Token: project:read and file:write.
Arguments:
- project_uuid: the project.
- p_file_path: the path: relative, with / between its segments, at most 1024 bytes and 255 in a segment. It is stored
  in the Unicode form NFC.
- p_content: the edit, as the whole text of the file.
- base_version: the version that the edit was made on.
- strategy: lines or automerge. lines is diff3: hunks in conflict are returned and nothing is written. automerge
  merges hunks in conflict word by word, at most 256 KiB a side: edits of different words count, what both sides did
  alike counts once, and where that is not sure or takes longer than quire.diff_deadline, the answer is that of lines.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {status: text, version: integer, seq: integer, checksum: text,
     conflicts: [{base_start: integer, base_lines: text, ours_start: integer, ours: text,
                  theirs_start: integer, theirs: text}]}
- status: merged, unchanged or conflict.
- conflicts: hunks with lines counted from 1; ours is p_content. After 8 MiB of such lines, a hunk is {base_start,
  ours_start, theirs_start, lines_omitted: true, base_count, ours_count, theirs_count}.
Errors:
- 22004: a required argument is NULL.
- 22023: the path or strategy is not allowed, base_version is not a version, or the file is not a text file.
- 42501: the caller may not write the project, or the token does not allow this.
- PT404: the project does not exist, the caller may not know of it, or the file or its version does not exist.
- PT409 deleted: the file was deleted.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 stale_version: somebody else wrote the file while the call merged, again and again.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT410: content of a version is archived or collected.
- PT413: the result is larger than max_file_bytes, a side is too large for automerge, or there would be more than
  max_project_bytes.
- PT422 bound: a file would be no text, and is bound to a document (bind_doc_to_file), which may also be too large for
  it (PT413).
- PT422 invariant_failed: a document that a file is bound to would not satisfy a schema.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.merge_project_file(uuid, text, text, integer, text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.restore_project_file(uuid, text, integer, uuid) IS
'Makes an older version of a file current again, as a new version.

Who: editors.
Token: project:read and file:write.
Arguments:
- project_uuid: the project.
- p_file_path: the path: relative, with / between its segments, at most 1024 bytes and 255 in a segment. It is stored
  in the Unicode form NFC.
- version: the version to restore.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the file as quire.project_file_head.
Errors:
- 22004: project_uuid, p_file_path or version is NULL.
- 22023: the path is not allowed, or the version is a deletion.
- 42501: the caller may not write the project, or the token does not allow this.
- PT404: the project does not exist, the caller may not know of it, or the file or its version does not exist.
- PT409 stale_version: somebody else wrote the file meanwhile.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT410: content of the version is archived or collected.
- PT413: the file is larger than max_file_bytes, or there would be more than max_files or max_project_bytes.
- PT422 bound: a file would be no text, and is bound to a document (bind_doc_to_file), which may also be too large for
  it (PT413).
- PT422 invariant_failed: a document that a file is bound to would not satisfy a schema.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.restore_project_file(uuid, text, integer, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.restore_project(uuid, bigint, boolean, uuid) IS
'Makes the whole tree what it was at a seq, as one new bundle. Nothing is rewritten.

Who: editors.
Token: project:read and file:write.
Arguments:
- project_uuid: the project.
- to_seq: the seq; 0 is an empty tree.
- dry_run: true changes nothing and only returns what would be done.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {dry_run: boolean, to_seq: integer, seq: integer, bundle_id: uuid | null, checksum: text,
     files: [{file_path: text, op: text, content_hash: text | null, version?: integer}]}
Errors:
- 22004: a required argument is NULL.
- 22023: to_seq is not a seq of the project.
- 42501: the caller may not write the project, or the token does not allow this.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT410: some content is archived or collected; then nothing is written.
- PT413: a file is larger than max_file_bytes, or there would be more than max_files, max_project_bytes or
  quire.max_bundle_ops.
- PT422 bound: a file would be no text, and is bound to a document (bind_doc_to_file), which may also be too large for
  it (PT413).
- PT422 invariant_failed: a document that a file is bound to would not satisfy a schema.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.restore_project(uuid, bigint, boolean, uuid) TO quire_user, quire_guest;
ALTER FUNCTION quire.restore_project(uuid, bigint, boolean, uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.tag_project(uuid, text, bigint, uuid) IS
'Gives a seq a name. A tag does not move: the same name at another seq is refused.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- tag: the name, 1 to 255 characters.
- at_seq: the seq. By default it is the newest.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the seq.
Errors:
- 22004: project_uuid or tag is NULL.
- 22023: the name is not allowed, or at_seq is not a seq of the project.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 duplicate: a tag of this name is at another seq.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.tag_project(uuid, text, bigint, uuid) TO quire_user;

COMMENT ON FUNCTION quire.import_legacy_files(uuid, regclass, name, name, name, uuid) IS
'Writes the files of an existing table into a project, in bundles of at most 1,000 files. The table is read with the
rights of the caller.

Who: editors.
Token: file:write.
Arguments:
- project_uuid: the project.
- source: a table or view.
- path_column: the column with the paths.
- content_column: the column with the contents.
- type_column: the column with the file types. By default types are inferred from the paths.
- correlation_id: an id that the caller chooses for the request; each bundle gets an id that follows from it. NULL:
  none.
Returns: an object. seq is null when nothing was written.
    {imported: integer, seq: integer | null}
Errors:
- 22004: project_uuid, source, path_column or content_column is NULL.
- 22023: a path or a type is not allowed.
- 42501: the caller may not write the project, may not read the table, or uses a token that does not allow this.
- 42703: the table has no column of this name. PostgreSQL raises it, as other errors of reading the table.
- PT404: the project does not exist, the caller may not know of it, or there is no such table.
- PT409 duplicate_path: a path occurs twice in a bundle.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: a file is larger than max_file_bytes, or there would be more than max_files or max_project_bytes.
- PT422 bound: a file would be no text, and is bound to a document (bind_doc_to_file), which may also be too large for
  it (PT413).
- PT422 invariant_failed: a document that a file is bound to would not satisfy a schema.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.import_legacy_files(uuid, regclass, name, name, name, uuid) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
