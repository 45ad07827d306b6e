-- What may be called about corruption and recovery: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.verify_project(uuid, text) IS
'Checks everything that is stored against its checksums. What is wrong is recorded in quarantine and not raised.
Nothing else changes. What was discarded before is not found again, unless it changes once more.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- depth: log checks operations, bundles and their chain; state checks also the current files, fields, assets and
  totals, and what versions say beside their operations, against the log; content (default) checks also every content
  against its hash.
Returns: an object.
    {project_id: uuid, seq: integer, is_sound: boolean, bundles: integer, ops: integer,
     files: integer, fields: integer, assets: integer, docs: integer, branches: integer,
     blobs: integer, blob_bytes: integer,
     findings: [{quarantine_id: uuid, kind: text, key: object, fault: text,
                 description: text}],
     unequal_bindings: [{doc: text, path: text, file_path: text}]}
- findings: what is wrong; list_quarantine explains the members.
- unequal_bindings: bindings (list_doc_bindings) whose file is not what the document says. depth log looks at none.
Errors:
- 22004: an argument is NULL.
- 22023: depth is not known.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.verify_project(uuid, text) TO quire_user;
ALTER FUNCTION quire.verify_project(uuid, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.replay_project(uuid, bigint) IS
'Makes files and fields anew from the operations alone and compares them with the tables. Nothing changes.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
- to_seq: the last bundle to replay. By default it is the newest.
Returns: an object.
    {project_id: uuid, seq: integer, bundles: integer, ops: integer, files: integer,
     fields: integer, assets: integer, docs: integer, branches: integer, is_equal: boolean,
     differences: [object],
     impossible: [{seq: integer, ordinal: integer, why: text}]}
- differences: operations that the tables lack, at most 1000.
- impossible: operations that could not be applied, with the reason.
Errors:
- 22004: project_uuid is NULL.
- 22023: to_seq is not a seq of the project.
- 42501: the caller is not a member of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.replay_project(uuid, bigint) TO quire_user;
ALTER FUNCTION quire.replay_project(uuid, bigint) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.list_quarantine(uuid, boolean) IS
'Lists what was found corrupt, the oldest first. Reading such a row raises XX001 with its quarantine_id.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
- include_ended: true lists repaired and discarded entries, too.
Returns: rows.
- quarantine_id: the id of the entry.
- kind: blob, file_op, field_op, asset_op, bundle, project_head, file_head, entity_field, asset or peer_bundle.
- key: which row it is, as an object.
- fault: what is wrong, as one word for programs.
- description: what is wrong, as a sentence.
- expected: the checksum that was recorded, or NULL.
- status: open, repaired or discarded.
- found_at: when it was found.
- ended_at: when it was repaired or discarded, or NULL.
- ended_by: the actor who did so, or NULL.
- reason: why it was discarded, or NULL.
Errors:
- 22004: an argument is NULL.
- 42501: the caller is not a member of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_quarantine(uuid, boolean) TO quire_user;

COMMENT ON FUNCTION quire.repair(uuid, uuid, jsonb) IS
'Repairs a row in quarantine. A copy from a backup or a peer is accepted only when it has the checksum that was recorded.
What other rows prove needs no copy.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- quarantine_id: the entry.
- supply: the copy of a content, of an operation in its canonical form, or of the header of a bundle with committed_at
  in microseconds since 1970. No copy is needed for file_head, entity_field, asset and project_head, for the faults
  row, checksum and prev_checksum, and for content that was written again since.
    {content} | {content_base64} | {op}
    | {header: {project_id, seq, bundle_id, kind, actor_id, message, correlation_id,
                base_seq, undoes_seq, committed_at}}
Returns: an object.
    {quarantine_id: uuid, kind: text, key: object, status: text, repaired_from: text}
- repaired_from: supply, the log or a later write.
Errors:
- 22004: a required argument is NULL, or a copy is needed.
- 22023: supply has a wrong form.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, the caller may not know of it, or it has no such entry.
- PT409 already_ended: the entry was repaired or discarded before.
- PT422: the copy does not have the recorded checksum, or other rows are missing.';
GRANT EXECUTE ON FUNCTION quire.repair(uuid, uuid, jsonb) TO quire_user;

COMMENT ON FUNCTION quire.discard_quarantined(uuid, uuid, text) IS
'Discards a row in quarantine: it is taken as it is, and not found again unless it changes once more. Content is
unavailable (PT410) until it is written again.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- quarantine_id: the entry.
- reason: why, 1 to 1000 characters. It is kept.
Returns: an object.
    {quarantine_id: uuid, kind: text, key: object, status: text}
Errors:
- 22004: an argument is NULL.
- 22023: the reason is empty or too long.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, the caller may not know of it, or it has no such entry.
- PT409 already_ended: the entry was repaired or discarded before.';
GRANT EXECUTE ON FUNCTION quire.discard_quarantined(uuid, uuid, text) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
