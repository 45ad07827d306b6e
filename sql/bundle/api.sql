-- What may be called about the log: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the views touch on behalf of their reader: see install/policy.sql.
GRANT SELECT ON quire_store.bundle TO quire_user;

GRANT SELECT ON quire.bundles TO quire_user;
GRANT SELECT ON quire.oplog TO quire_user;

COMMENT ON FUNCTION quire.commit_bundle(uuid, jsonb, text, text, bigint, uuid, text, text) IS
'Commits any mix of operations as one bundle: all of them or none, with one seq and one event. The operations apply in
order. A token allows operations on files, and on documents and branches, as its abilities say.

Who: editors.
Token: file:write or doc:write.
Arguments:
- project_uuid: the project.
- ops: an array of operations. Entity types have at most 128 bytes, ids and field names 255, values 1 MiB and 100
  levels. A content_hash suffices for an asset when the project has that content.
    {"op": "file.put", file_path, content | content_base64, file_type?, mode?,
     expected_version?}
    {"op": "file.delete", file_path, expected_version?}
    {"op": "file.move", from_path, to_path, expected_version?}
    {"op": "field.set", entity_type, entity_id, field, value, base_seq?}
    {"op": "field.unset", entity_type, entity_id, field, base_seq?}
    {"op": "entity.delete", entity_type, entity_id, base_seq?}
    {"op": "asset.put", filename, media_type, asset_type, content_base64 | content_hash}
    {"op": "asset.delete", content_hash, reason?}
    {"op": "doc.change", doc, branch?, changes, base_heads?}
    {"op": "doc.delete", doc, branch?, base_heads?}
    {"op": "branch.create", branch, from_branch?, at_seq?}
    {"op": "branch.update", branch, status, merged_into?}
  The changes of doc.change are Automerge changes in Base64, see apply_doc_changes.
- kind: user_edit, import, job_output or merge_resolution.
- message: what the author says of it, at most 64 KiB.
- base_seq: what the author had seen. A path that changed after it is in conflict, and so is a field that another
  actor changed after it to another value.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
- on_conflict: reject; record: fields are written and the conflict is kept (see list_conflicts), paths are refused; or
  skip: what is in conflict is left out.
- base_checksum: the checksum that went with base_seq, 16 to 64 hex digits. The log at base_seq must be the one that
  the author knows.
Returns: the receipt.
    {seq: integer, bundle_id: uuid | null, checksum: text, advice?: text,
     ops: [{op: text, file_path: text, from_path?: text, version: integer,
            content_hash: text | null, status: text}
         | {op: text, entity_type: text, entity_id: text, field?: text, status: text,
            skipped?: [text], conflicts?: [text]}
         | {op: text, content_hash: text, filename: text, media_type: text,
            asset_type: text, size: integer, status: text}
         | {op: text, branch: text, doc: text, heads: [text], applied: integer,
            status: text}
         | {op: text, branch: text, status: text, branch_status: text}]}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then.
- heads: those of a document afterwards; of several operations on a document only at the last.
- branch_status: what may be done to the branch now: open, closed or deleted.
- skipped: the fields that were left out; conflicts names the fields whose conflict was kept.
- advice: a recommendation for bundles of more than 1000 operations, also sent as a NOTICE, unless kind is job_output
  or import.
Errors:
- 22004: a required argument is NULL.
- 22023: an operation has a wrong form, a path, type, mode or link is not allowed, or a number is not one that a
  double can hold.
- 42501: the caller may not write the project, or the token does not allow one of the operations.
- PT404: the project does not exist, the caller may not know of it, there is no such file, asset or document,
  or the project does not have the content that is named by its hash.
- PT409 stale_version: a file is not at its expected_version. DETAIL has its current version.
- PT409 stale_heads: a document has other heads than base_heads. DETAIL has its heads.
- PT409 missing_dependency: a change of a document depends on one that is not there.
- PT409 duplicate_change: the actor of a change has made another one of its number.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 destination_exists: a file has the path that another is moved to.
- PT409 base_changed: a path changed after base_seq. DETAIL lists the files.
- PT409 field_conflict: a field is in conflict. DETAIL lists entity, field, both values, actors and bundles.
- PT409 bound: a file and the text that it is bound to (bind_doc_to_file) would be different ones.
- PT409 must_refetch: the log at base_seq is another one, because the database was set back to a backup.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT410: content that is named by its hash is archived or collected.
- PT413: there are more operations than quire.max_bundle_ops, a value or a message is too long, a file is larger than
  max_file_bytes, or a limit of the settings is exceeded.
- PT422 bound: a file or a text of a document would be none, and is bound to the other (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: a branch is closed, or the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.commit_bundle(uuid, jsonb, text, text, bigint, uuid, text, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.search_ops(uuid, jsonb, integer) IS
'Searches the operations of the log, the newest first.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- filter: an object with any of these members. target is compared as a whole, and message is a part of the bundle''s
  message. after_seq, before_seq and until are exclusive, since is inclusive. With before_ordinal, the operations of
  bundle before_seq with a lower ordinal are found, too.
    {op, kind, actor, target, target_prefix, entity_type, entity_id, field, after_seq,
     before_seq, before_ordinal, since, until, message}
- max_ops: the most rows, 1 to 10000. seq and ordinal of the last row of a page are the before_seq and before_ordinal
  of the next.
Returns: rows.
- seq: the bundle of the operation.
- ordinal: the place of the operation in its bundle, from 1.
- op: the kind of operation.
- target: what it changed.
- actor: the actor who committed the bundle.
- display_name: what the actor is called.
- kind: the kind of the bundle.
- message: the message of the bundle.
- bundle_id: the id of the bundle.
- before: the state before, as JSON, or NULL.
- after: the state after, as JSON, or NULL.
- checksum: the checksum of the operation.
- committed_at: when the bundle was committed.
- from_peer: the peer that the bundle came from, whose word the author is; or NULL.
Errors:
- 22004: project_uuid, filter or max_ops is NULL.
- 22023: filter has a member that is not known or a wrong value, or max_ops is out of range.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.search_ops(uuid, jsonb, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.get_bundle(uuid, bigint) IS
'Returns one bundle with everything that it holds.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- seq: the bundle.
Returns: an object.
    {seq: integer, bundle_id: uuid, kind: text, actor: uuid, display_name: text | null,
     from_peer: text | null, message: text | null, correlation_id: uuid | null,
     base_seq: integer | null, undoes_seq: integer | null, undone_by: [integer],
     op_count: integer, checksum: text, prev_checksum: text, details: object | null,
     committed_at: timestamp,
     ops: [{ordinal: integer, op: text, target: text, entity?: object, checksum: text,
            before: object | null, after: object | null}]}
- from_peer: the peer that the bundle came from, whose word the author is; or null.
- ops: at most 1000 operations. Once before and after have 32 MiB together, an operation has values_omitted: true in
  their place; search_ops has all.
Errors:
- 22004: an argument is NULL.
- PT404: the project does not exist, the caller may not know of it, or it has no such bundle.';
GRANT EXECUTE ON FUNCTION quire.get_bundle(uuid, bigint) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
