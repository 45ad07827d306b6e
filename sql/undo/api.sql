-- What may be called about undo: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.undo(uuid, text, uuid) IS
'Takes back the newest bundle of the caller that is not taken back yet. A new bundle of kind undo restores the files,
fields and assets that it touched; nothing is rewritten. Bundles of others and bundles of kind system are passed over.
The new bundle is written even if nothing was left to do, so that the next call goes further back.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- on_conflict: what happens to a file, field or asset that has become something else since. reject refuses the call.
  skip leaves it as it is, and also what has no content any more. record restores fields all the same and keeps the
  conflict (see list_conflicts); files and assets are refused.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the receipt, as commit_bundle returns it, with undoes_seq and skipped.
    {seq: integer, bundle_id: uuid, checksum: text, ops: [object], undoes_seq: integer,
     skipped: [{file_path: text | entity_type: text, entity_id: text, field: text
                | content_hash: text, seq: integer | null, actor: uuid | null,
                bundle_id: uuid | null, description: text}]}
- skipped: what was left as it is. seq, actor and bundle_id are those of the later change, or null when the content is
  archived or collected.
Errors:
- 22004: a required argument is NULL.
- 22023: an argument is not allowed.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, the caller may not know of it, or the caller has nothing to undo.
- PT409 changed_since: something has become something else since. DETAIL lists it as skipped does.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT410: content is archived or collected.
- PT413: a limit of the settings is exceeded, or there would be more than quire.max_bundle_ops operations.
- PT422 bound: a file or a text of a document would be none, and is bound to the other (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: an operation of the kinds that would be brought back is in quarantine, or what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.undo(uuid, text, uuid) TO quire_user;
ALTER FUNCTION quire.undo(uuid, text, uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.redo(uuid, text, uuid) IS
'Takes back the newest undo of the caller, unless the caller has edited since. After an edit, revert_bundle brings an
undone bundle back.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- on_conflict: what happens to a file, field or asset that has become something else since: reject, skip or record, as
  in undo.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the receipt, as undo returns it.
Errors:
- 22004: a required argument is NULL.
- 22023: an argument is not allowed.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, the caller may not know of it, or the caller has nothing to redo.
- PT409 changed_since: something has become something else since. DETAIL lists it as skipped does.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT410: content is archived or collected.
- PT413: a limit of the settings is exceeded, or there would be more than quire.max_bundle_ops operations.
- PT422 bound: a file or a text of a document would be none, and is bound to the other (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: an operation of the kinds that would be brought back is in quarantine, or what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.redo(uuid, text, uuid) TO quire_user;
ALTER FUNCTION quire.redo(uuid, text, uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.revert_bundle(uuid, bigint, text, uuid) IS
'Takes back any bundle of anybody. A new bundle of kind rollback does so; it is an edit of the caller and can itself be
undone. The revert of an undo brings back what the undo took away.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- seq: the bundle to take back.
- on_conflict: what happens to a file, field or asset that has become something else since: reject, skip or record, as
  in undo.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the receipt, as undo returns it.
Errors:
- 22004: a required argument is NULL.
- 22023: an argument is not allowed.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, the caller may not know of it, or it has no such bundle.
- PT409 changed_since: something has become something else since. DETAIL lists it as skipped does.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT410: content is archived or collected.
- PT413: a limit of the settings is exceeded, or there would be more than quire.max_bundle_ops operations.
- PT422: the bundle is of kind system, which changes no content.
- PT422 bound: a file or a text of a document would be none, and is bound to the other (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: an operation of the kinds that would be brought back is in quarantine, or what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.revert_bundle(uuid, bigint, text, uuid) TO quire_user;
ALTER FUNCTION quire.revert_bundle(uuid, bigint, text, uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.list_undoable(uuid, integer, bigint) IS
'Lists the edits of the caller, the newest first, and whether they are taken back.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- max_bundles: the most rows, 1 to 10000.
- before_seq: only earlier bundles are returned. The seq of the last row of a page is the before_seq of the next.
  NULL: from the newest.
Returns: rows.
- seq: the bundle.
- kind: its kind.
- message: its message.
- op_count: the number of its operations.
- committed_at: when it was committed.
- state: done or undone.
- undone_by: the bundle that takes it back now, or NULL.
- next: undo or redo at the bundle that such a call would take next; otherwise NULL.
Errors:
- 22004: project_uuid or max_bundles is NULL.
- 22023: max_bundles or before_seq is out of range.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_undoable(uuid, integer, bigint) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
