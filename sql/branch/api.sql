-- What may be called about branches: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the view oplog touches on behalf of its reader: see install/policy.sql.
GRANT SELECT ON quire_store.branch_op, quire_store.branch_oplog TO quire_user;

COMMENT ON FUNCTION quire.create_branch(uuid, text, text, bigint, text, uuid) IS
'Makes a branch of documents that begins with what another one is, or was at a seq. Nothing is copied: what nobody
writes on the branch is what the other one had then. Files, entities and assets have no branches.

Who: editors.
Token: doc:write.
Arguments:
- project_uuid: the project.
- name: the name of the branch, 1 to 255 bytes without control characters. A name is given once: also that of a deleted
  branch is not free.
- from_branch: the branch that it begins with; every project has main. It may be closed.
- at_seq: the last bundle of that branch that it has. NULL: the newest.
- message: what the author says of it, at most 64 KiB. It is in the bundle.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {seq: integer, bundle_id: uuid | null, checksum: text,
     ops: [{op: text, branch: text, status: text, branch_status: text}]}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then.
- status: changed or unchanged.
- branch_status: open, closed or deleted.
Errors:
- 22004: a required argument is NULL.
- 22023: a name has a wrong form, or the project has not reached at_seq.
- 42501: the caller may not write the project, or the token does not allow it.
- PT404: the project does not exist, the caller may not know of it, or there is no branch from_branch.
- PT409 duplicate: there is or was a branch of this name.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: more branches than quire.max_branch_depth would begin with one another.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.create_branch(uuid, text, text, bigint, text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.close_branch(uuid, text, text, text, uuid) IS
'Closes a branch of documents. It stays readable, and other branches may begin with it; writing it is PT423 from then on.
Undo opens it again.

Who: editors.
Token: doc:write.
Arguments:
- project_uuid: the project.
- name: the branch; main stays open.
- merged_into: the branch that has all of it, for who looks later; nothing is merged. NULL: none.
- message: what the author says of it, at most 64 KiB. It is in the bundle.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {seq: integer, bundle_id: uuid | null, checksum: text,
     ops: [{op: text, branch: text, status: text, branch_status: text}]}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then.
- status: changed or unchanged.
- branch_status: open, closed or deleted.
Errors:
- 22004: project_uuid or name is NULL.
- 22023: the branch is main or merged into itself, or a name has a wrong form.
- 42501: the caller may not write the project, or the token does not allow it.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT423: the branch was closed with another merged_into, or the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.close_branch(uuid, text, text, text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.delete_branch(uuid, text, text, uuid) IS
'Deletes a branch of documents: it is listed no more and is not found, but for who reads it as of a seq. Branches that
begin with it stay what they are. Undo brings it back.

Who: editors.
Token: doc:write.
Arguments:
- project_uuid: the project.
- name: the branch; main cannot be deleted.
- message: what the author says of it, at most 64 KiB. It is in the bundle.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {seq: integer, bundle_id: uuid | null, checksum: text,
     ops: [{op: text, branch: text, status: text, branch_status: text}]}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then.
- status: changed or unchanged.
- branch_status: open, closed or deleted.
Errors:
- 22004: project_uuid or name is NULL.
- 22023: the branch is main, or the name has a wrong form.
- 42501: the caller may not write the project, or the token does not allow it.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.delete_branch(uuid, text, text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_branches(uuid, text, integer) IS
'Lists the branches of documents that are not deleted, by name; main is one of them.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- after_branch: only names after this one, for the next page. NULL: from the first.
- max_branches: how many, 1 to 10000.
Returns: rows.
- branch: its name.
- status: open or closed.
- from_branch: the branch that it begins with; NULL for main.
- at_seq: the last bundle of that branch that it has; NULL for main.
- head_seq: the newest bundle that wrote a document on it, or at_seq if none did.
- merged_into: the branch that has all of it, as who closed it said, or NULL.
- created_seq: the bundle that made it; NULL for main.
- created_by: who made it; NULL for main.
- created_at: when it was made; NULL for main.
- checksum: the checksum of the log up to the bundle that made it what it is.
Errors:
- 22004: project_uuid or max_branches is NULL.
- 22023: max_branches is not allowed.
- PT404: the project does not exist, or the caller may not know of it.
- XX001: the state of branches is corrupt.';
GRANT EXECUTE ON FUNCTION quire.list_branches(uuid, text, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.get_branch(uuid, text) IS
'Describes a branch of documents, and those that it begins with.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- name: the branch.
Returns: an object.
    {branch: text, status: text, from_branch: text | null, at_seq: integer | null,
     head_seq: integer, merged_into: text | null, created_seq: integer | null,
     created_by: uuid | null, created_at: timestamp | null,
     lineage: [{branch: text, at_seq: integer}]}
- status: open or closed.
- head_seq: the newest bundle that wrote a document on it, or at_seq if none did.
- lineage: the branches that it begins with, the nearest first, each with its last bundle that counts.
Errors:
- 22004: project_uuid or name is NULL.
- 22023: the name has a wrong form.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch.
- XX001: the state of the branch is corrupt.';
GRANT EXECUTE ON FUNCTION quire.get_branch(uuid, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.merge_branch(uuid, text, text, boolean, text[], boolean, text, uuid) IS
'Merges branches of documents into another one: each document gets every change that a source has and the target lacks,
and then, where both had changes that the other lacked, a change without operations that depends on all heads. What was
deleted on a source is deleted, if nobody has changed it on the target. All of it is one bundle.

Who: editors.
Token: doc:read and doc:write.
Arguments:
- project_uuid: the project.
- source: the branch whose changes are brought. It may be closed.
- target: the branch that gets them; every project has main.
- dry_run: whether only to say what would become of it. Nothing is written then.
- more_sources: other branches that are merged with it, at most 99. NULL: none.
- close_sources: whether the sources are closed with it, as merged into the target.
- message: what the author says of it, at most 64 KiB. It is in the bundle.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {seq: integer | null, bundle_id: uuid | null, checksum: text | null,
     docs: [{doc: text, applied: integer, heads: [text], is_deleted: boolean,
             conflicts?: [{path: text, values: [{value: any, actor: text, change: text}]}],
             conflicts_omitted?: boolean}]}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then. With dry_run all three
  are null.
- docs: the documents of the target that change.
- applied: how many changes the document gets, with the one that brings heads together.
- heads: the heads of the document then.
- conflicts: of documents that both had changed, the places with several values, in the form of doc_conflicts; of the
  first 100 documents, and of 16 MiB of changes. Of others conflicts_omitted is true.
Errors:
- 22004: a required argument is NULL, or a name in more_sources.
- 22023: the target is one of the sources, a source is named twice, or a name has a wrong form.
- 42501: the caller may not write the project, the token does not allow it, or the setting server_merge is false and
  it is no dry run.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch.
- PT409 duplicate_change: an actor has made two changes of one number on two branches.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: more than 100 sources, a document would get too large, or there would be more than max_project_bytes.
- PT422: Automerge refuses a change that was stored unseen.
- PT422 bound: the document would have no text where a file is bound to it (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the target is closed, or the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: the state of documents or branches, or an operation on some, is corrupt.';
GRANT EXECUTE ON FUNCTION quire.merge_branch(uuid, text, text, boolean, text[], boolean, text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.diff_branches(uuid, text, text, text, integer) IS
'Lists the documents that are not the same on two branches.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- source: a branch.
- target: the branch that it is compared with; every project has main.
- after_doc: only names after this one, for the next page. NULL: from the first.
- max_docs: how many, 1 to 10000.
Returns: rows.
- doc: the name of the document.
- status: added, if only the source has it; deleted, if only the target has it; changed.
- source_heads: its heads on the source; none, if it was never there.
- target_heads: its heads on the target.
- source_changes: how many changes the source has and the target lacks.
- target_changes: how many changes the target has and the source lacks.
Errors:
- 22004: project_uuid, source, target or max_docs is NULL.
- 22023: max_docs is not allowed, or a name has a wrong form.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch.
- XX001: the state of documents is corrupt.';
GRANT EXECUTE ON FUNCTION quire.diff_branches(uuid, text, text, text, integer) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
