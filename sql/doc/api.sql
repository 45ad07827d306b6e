-- What may be called about documents: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the view oplog touches on behalf of its reader: see install/policy.sql.
GRANT SELECT ON quire_store.doc_op, quire_store.doc_oplog TO quire_user;

COMMENT ON FUNCTION quire.apply_doc_changes(uuid, text, bytea[], text, text[], text, uuid) IS
'Adds Automerge changes to a document, which is made if it does not exist. Changes that the document has already are
left out. A document with a long history is not loaded for it. Of a document with a short history (quire.max_doc_tip)
the changes are tried, too.

Who: editors.
Token: doc:write.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- changes: 1 to 10000 changes as Automerge encodes them, each after those it depends on.
- branch: the branch; every project has main.
- base_heads: the heads that the caller has seen; the document must have exactly these. NULL: any, and what others
  wrote meanwhile is merged.
- message: what the author says of it, at most 64 KiB. It is in the bundle.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {seq: integer, bundle_id: uuid | null, checksum: text,
     ops: [{op: text, branch: text, doc: text, status: text, heads: [text],
            applied: integer}],
     heads: [text], applied: integer}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then.
- status: changed or unchanged.
- heads: the heads of the document afterwards, 64 hex digits each, sorted.
- applied: how many changes the document did not have before.
Errors:
- 22004: a required argument is NULL, or one of the changes.
- 22023: a change is not one of Automerge, or Automerge refuses it; the name or a hash has a wrong form.
- 42501: the caller may not write the project, or the token does not allow it for this document.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch.
- PT409 stale_heads: the document has other heads than base_heads. DETAIL has its heads.
- PT409 missing_dependency: a change depends on one that the document has not. DETAIL says which.
- PT409 duplicate_change: the actor of a change has made another one of its number.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: a change is larger than quire.max_doc_change_bytes or has more operations than quire.max_doc_change_ops, the
  document would be larger than quire.max_doc_bytes, quire.max_doc_ops or quire.max_doc_depth allow or have more than
  500 heads, or there would be more than max_project_bytes.
- PT422 bound: the document would have no text where a file is bound to it (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the branch is closed, or the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.apply_doc_changes(uuid, text, bytea[], text, text[], text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.import_doc(uuid, text, bytea, text, text[], text, uuid) IS
'Adds what a document has that was saved elsewhere by an Automerge library, with its whole history, as one bundle. A
document that does not exist is made of it; one that exists gets the changes that it lacks. To have a bundle for each
change, give automerge_changes of the bytes to apply_doc_changes one by one.

Who: editors.
Token: doc:write.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- bytes: the document as an Automerge library saves it.
- branch: the branch; every project has main.
- base_heads: the heads that the caller has seen; the document must have exactly these. NULL: any, and what others
  wrote meanwhile is merged.
- message: what the author says of it, at most 64 KiB. It is in the bundle.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {seq: integer, bundle_id: uuid | null, checksum: text,
     ops: [{op: text, branch: text, doc: text, status: text, heads: [text],
            applied: integer}],
     heads: [text], applied: integer}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then.
- status: changed or unchanged.
- heads: the heads of the document afterwards, 64 hex digits each, sorted.
- applied: how many changes the document did not have before.
Errors:
- 22004: a required argument is NULL.
- 22023: the bytes are no document, or hold no change; the name or a hash has a wrong form.
- 42501: the caller may not write the project, or the token does not allow it for this document.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch.
- PT409 stale_heads: the document has other heads than base_heads. DETAIL has its heads.
- PT409 duplicate_change: the actor of a change has made another one of its number.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: a change is larger than quire.max_doc_change_bytes or has more operations than quire.max_doc_change_ops, the
  document would be larger than quire.max_doc_bytes, quire.max_doc_ops or quire.max_doc_depth allow or have more than
  500 heads, or there would be more than max_project_bytes.
- PT422 bound: the document would have no text where a file is bound to it (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the branch is closed, or the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.import_doc(uuid, text, bytea, text, text[], text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.edit_doc(uuid, text, jsonb, text, text[], text, uuid) IS
'Edits a document by a JSON Patch (RFC 6902) as one change. A document that does not exist is made. Two operations are
added to those of the RFC: increment for counters, and splice for texts, which counts Unicode code points. A value
that replaces another keeps what it can of it: a text is spliced, a counter is incremented by the difference.

Who: editors.
Token: doc:read and doc:write.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- patch: an array of operations, at most 10000.
    {"op": "add" | "replace" | "test", path, value}
    {"op": "remove", path}
    {"op": "move" | "copy", from, path}
    {"op": "increment", path, by}
    {"op": "splice", path, index, delete, insert}
- branch: the branch; every project has main.
- base_heads: the heads that the caller has seen; the document must have exactly these. NULL: any, and what others
  wrote meanwhile is merged.
- message: what the author says of it, at most 64 KiB. It is in the bundle and in the change.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {seq: integer, bundle_id: uuid | null, checksum: text,
     ops: [{op: text, branch: text, doc: text, status: text, heads: [text],
            applied: integer}],
     heads: [text], applied: integer}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then.
- status: changed or unchanged.
- heads: the heads of the document afterwards, 64 hex digits each, sorted.
- applied: how many changes the document did not have before.
Errors:
- 22004: a required argument is NULL.
- 22023: the patch has a wrong form, nothing is at one of its paths, or the name or a hash has a wrong form.
- 42501: the caller may not write the project, or the token does not allow it for this document.
- PT404: the project does not exist, the caller may not know of it, there is no such branch, or the document is
  deleted.
- PT409 test_failed: an operation test of the patch finds another value.
- PT409 stale_heads: the document has other heads than base_heads. DETAIL has its heads.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: a change is larger than quire.max_doc_change_bytes or has more operations than quire.max_doc_change_ops, the
  document would be larger than quire.max_doc_bytes, quire.max_doc_ops or quire.max_doc_depth allow or have more than
  500 heads, or there would be more than max_project_bytes.
- PT422: Automerge refuses a change of the document that was stored unseen.
- PT422 bound: the document would have no text where a file is bound to it (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the branch is closed, or the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.edit_doc(uuid, text, jsonb, text, text[], text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.put_doc(uuid, text, jsonb, text, text[], text, uuid) IS
'Makes a document hold a value, by the smallest change that does it. Lists are compared by their longest common
subsequence, texts are spliced. A document that does not exist is made, a deleted one comes back.

Who: editors.
Token: doc:read and doc:write.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- value: an object. The guide about documents says how values of Automerge that JSON has not are written.
- branch: the branch; every project has main.
- base_heads: the heads that the caller has seen; the document must have exactly these. NULL: any, and what others
  wrote meanwhile is merged.
- message: what the author says of it, at most 64 KiB. It is in the bundle and in the change.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {seq: integer, bundle_id: uuid | null, checksum: text,
     ops: [{op: text, branch: text, doc: text, status: text, heads: [text],
            applied: integer}],
     heads: [text], applied: integer}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then.
- status: changed or unchanged.
- heads: the heads of the document afterwards, 64 hex digits each, sorted.
- applied: how many changes the document did not have before.
Errors:
- 22004: a required argument is NULL.
- 22023: the value is not an object or has a form that stands for nothing, or the name or a hash has a wrong form.
- 42501: the caller may not write the project, or the token does not allow it for this document.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch.
- PT409 stale_heads: the document has other heads than base_heads. DETAIL has its heads.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: a change is larger than quire.max_doc_change_bytes or has more operations than quire.max_doc_change_ops, the
  document would be larger than quire.max_doc_bytes, quire.max_doc_ops or quire.max_doc_depth allow or have more than
  500 heads, or there would be more than max_project_bytes.
- PT422: Automerge refuses a change of the document that was stored unseen.
- PT422 bound: the document would have no text where a file is bound to it (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the branch is closed, or the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.put_doc(uuid, text, jsonb, text, text[], text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.splice_doc_text(uuid, text, text, integer, integer, text, text, text[], text, uuid) IS
'Deletes a part of a text in a document and inserts another one in its place, as one change.

Who: editors.
Token: doc:read and doc:write.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- path: where the text is, as a JSON Pointer such as /text.
- index: before which character, from 0. Characters are Unicode code points.
- delete_count: how many characters are deleted.
- insert: what is inserted.
- branch: the branch; every project has main.
- base_heads: the heads that the caller has seen; the document must have exactly these. NULL: any, and what others
  wrote meanwhile is merged.
- message: what the author says of it, at most 64 KiB. It is in the bundle and in the change.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {seq: integer, bundle_id: uuid | null, checksum: text,
     ops: [{op: text, branch: text, doc: text, status: text, heads: [text],
            applied: integer}],
     heads: [text], applied: integer}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then.
- status: changed or unchanged.
- heads: the heads of the document afterwards, 64 hex digits each, sorted.
- applied: how many changes the document did not have before.
Errors:
- 22004: a required argument is NULL.
- 22023: no text is at the path, it is shorter, a number is negative, or the name or a hash has a wrong form.
- 42501: the caller may not write the project, or the token does not allow it for this document.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch, or no such document.
- PT409 stale_heads: the document has other heads than base_heads. DETAIL has its heads.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: a change is larger than quire.max_doc_change_bytes or has more operations than quire.max_doc_change_ops, the
  document would be larger than quire.max_doc_bytes, quire.max_doc_ops or quire.max_doc_depth allow or have more than
  500 heads, or there would be more than max_project_bytes.
- PT422: Automerge refuses a change of the document that was stored unseen.
- PT422 bound: the document would have no text where a file is bound to it (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the branch is closed, or the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.splice_doc_text(uuid, text, text, integer, integer, text, text, text[], text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.delete_doc(uuid, text, text, text[], text, uuid) IS
'Deletes a document. Its history stays, and read_doc shows it at an earlier seq. Whoever changes the document
afterwards, unaware of that, brings it back.

Who: editors.
Token: doc:write.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- branch: the branch; every project has main.
- base_heads: the heads that the caller has seen; the document must have exactly these. NULL: any, and what others
  wrote meanwhile is merged.
- message: what the author says of it, at most 64 KiB. It is in the bundle.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {seq: integer, bundle_id: uuid | null, checksum: text,
     ops: [{op: text, branch: text, doc: text, status: text, heads: [text],
            applied: integer}],
     heads: [text], applied: integer}
- bundle_id: null when nothing changed; seq and checksum are those of the newest bundle then.
- status: changed or unchanged.
- heads: the heads of the document afterwards, 64 hex digits each, sorted.
- applied: 0.
Errors:
- 22004: a required argument is NULL.
- 22023: the name or a hash has a wrong form.
- 42501: the caller may not write the project, or the token does not allow it for this document.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch, or no such document.
- PT409 stale_heads: the document has other heads than base_heads. DETAIL has its heads.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT423: the branch is closed, or the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.delete_doc(uuid, text, text, text[], text, uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.submit_tx(uuid, jsonb) IS
'Commits changes of several documents as one bundle, all or none, if the documents are what their author has read. What
is in the way is answered and not raised: then nothing has changed, and the receipt says of each document why.

Who: editors.
Token: doc:write.
Arguments:
- project_uuid: the project.
- tx: what is to be committed.
    {client_tx_id?, message?,
     reads?: [{doc, branch?, heads}],
     writes: [{doc, branch?, base_heads?, changes, allow_server_merge?,
               merge_of?: [{branch, heads}]}],
     schema?, options?: {return_heads?, return_patches?}}
  client_tx_id is a uuid that the caller chooses: the same id again returns the first receipt and changes nothing.
  Each document of reads must have exactly these heads, and each of writes its base_heads, if they are given. With
  allow_server_merge the server merges whatever there is. changes are Automerge changes in Base64, each after those it
  depends on. merge_of says that they merge what the document was at heads on other branches, at most 100: what it lacks
  of that is brought with them, and base_heads do not matter. schema is the name of a schema that every document has to
  satisfy that is written, besides those that it is bound to.
Returns: the receipt.
    {tx_id: integer | null, bundle_id: uuid | null, committed_at: timestamp | null,
     seq: integer, checksum: text | null,
     results: [{doc: text, branch: text, status: text, applied: integer, heads?: [text],
                reason?: text, message?: text, missing?: [text], schema?: text,
                path?: text, patch?: [operation], patch_omitted?: boolean}],
     conflicts: [{doc: text, branch: text, status: text, applied: integer,
                  heads: [text], reason: text, message?: text, missing?: [text],
                  schema?: text, path?: text}]}
- tx_id: the seq of the bundle; null when nothing was committed. seq is the newest bundle then.
- status: ok; conflict: the document is not what was expected; or rejected: the change is not allowed. Where one is
  not ok, none is committed.
- reason: ReadConflict, StaleBaseHeads, MissingDependency, DuplicateChange, InvalidBranch, BranchClosed, InvalidDoc
  (Automerge refuses a change) or InvariantFailed (the document would not satisfy a schema, or Automerge refuses a
  change that was stored unseen).
- schema: the schema that refuses the document, and path the JSON Pointer of what is wrong in it.
- heads: the heads of the document now, 64 hex digits each, sorted; of several writes of a document only at the last,
  and without return_heads of conflicts only.
- patch: with return_patches, the JSON Patch from what the document held before to what it holds now; of several writes
  of a document only at the last. Instead, patch_omitted is true of a document of more than 8 MiB of JSON, of a patch of
  more than 1 MiB, after patches of 16 MiB together, and when the first receipt is returned again.
- conflicts: what was read and is another one by now, and the results that are not ok.
Errors:
- 22004: an argument is NULL.
- 22023: the transaction has a wrong form, a change is not one of Automerge, or a name or a hash has a wrong form.
- 42501: the caller may not write the project, or the token does not allow it for one of the documents, or is bound to
  another write; with reads, merge_of, schema or return_patches it has to allow doc:read, too.
- PT404: the project does not exist, the caller may not know of it, or there is no such schema.
- PT409 correlation_reused: the client_tx_id belongs to another request.
- PT413: a change is larger than quire.max_doc_change_bytes or has more operations than quire.max_doc_change_ops, the
  document would be larger than quire.max_doc_bytes, quire.max_doc_ops or quire.max_doc_depth allow or have more than
  500 heads, or there are more writes than quire.max_bundle_ops allows, or there would be more than max_project_bytes.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.submit_tx(uuid, jsonb) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.read_doc(uuid, text, text, bigint, timestamp with time zone, text[], text[]) IS
'Returns what a document holds, now or at any point in its history. At most one of at_seq, at_time and at_heads is
given.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- branch: the branch; every project has main.
- at_seq: as it was at a bundle. NULL: as it is now.
- at_time: as it was at a time.
- at_heads: as it was at heads that it has had, 64 hex digits each; also of a deleted document.
- paths: JSON Pointers, at most 1000. NULL: everything.
Returns: the document as an object; with paths, an object that has a member for each path where something is.
Errors:
- 22004: a required argument is NULL.
- 22023: the name, a hash or a path has a wrong form, the project has no such seq, or more than one point in time is
  given.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch, no such document then,
  or the document has no such change.
- PT413: what is returned is larger than quire.max_doc_json_bytes allows.
- PT422: Automerge refuses a change that was stored unseen; earlier states are read by at_seq.
- XX001: what is stored of the document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.read_doc(uuid, text, text, bigint, timestamp with time zone, text[], text[]) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.read_doc_bytes(uuid, text, text, bigint, timestamp with time zone, text[]) IS
'Returns a document as Automerge saves it, with its history up to a point in time. Any Automerge library loads it. The
type of the result is a domain over bytea whose name is a media type, by which PostgREST sends it.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- branch: the branch; every project has main.
- at_seq: as it was at a bundle. NULL: as it is now.
- at_time: as it was at a time.
- at_heads: as it was at heads that it has had, 64 hex digits each; also of a deleted document.
Returns: the bytes. They need not be the same each time for the same heads.
Errors:
- 22004: a required argument is NULL.
- 22023: the name or a hash has a wrong form, the project has no such seq, or more than one point in time is given.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch, no such document then,
  or the document has no such change.
- PT422: Automerge refuses a change that was stored unseen; earlier states are read by at_seq.
- XX001: what is stored of the document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.read_doc_bytes(uuid, text, text, bigint, timestamp with time zone, text[]) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.export_doc(uuid, text, text) IS
'Returns a document as Automerge saves it, with its whole history: the inverse of import_doc. read_doc_bytes returns the
same at any point in time, under a type that PostgREST sends as it is.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- branch: the branch; every project has main.
Returns: the bytes. They need not be the same each time for the same heads.
Errors:
- 22004: a required argument is NULL.
- 22023: the name has a wrong form.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch, or no such document.
- PT422: Automerge refuses a change that was stored unseen; earlier states are read by at_seq.
- XX001: what is stored of the document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.export_doc(uuid, text, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.diff_doc(uuid, text, text[], text[], text) IS
'Returns what is different between two states of a document as a JSON Patch (RFC 6902).

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- from_heads: the heads of the one, 64 hex digits each; an empty array is the empty document.
- to_heads: the heads of the other. NULL: as it is now.
- branch: the branch; every project has main.
Returns: an array of the operations add, remove and replace that lead from the one to the other.
Errors:
- 22004: a required argument is NULL.
- 22023: the name or a hash has a wrong form.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch, no such document, or
  the document has no such change.
- PT413: what is returned is larger than quire.max_doc_json_bytes allows.
- PT422: Automerge refuses a change that was stored unseen; earlier states are read by at_seq.
- XX001: what is stored of the document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.diff_doc(uuid, text, text[], text[], text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.doc_conflicts(uuid, text, text, text[]) IS
'Lists the places of a document that several wrote at once, none knowing of the others. Automerge shows one of the
values; whoever writes the place ends the conflict.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- branch: the branch; every project has main.
- at_heads: as it was at heads that it has had, 64 hex digits each. NULL: as it is now.
Returns: an array, in the order of the document.
    [{path: text, values: [{value: any, actor: text, change: text}]}]
- path: where, as a JSON Pointer.
- values: all values of the place; the last one is shown. actor is the Automerge actor, change the hash.
Errors:
- 22004: a required argument is NULL.
- 22023: the name or a hash has a wrong form.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch, no such document, or
  the document has no such change.
- PT413: what is returned is larger than quire.max_doc_json_bytes allows.
- PT422: Automerge refuses a change that was stored unseen; earlier states are read by at_seq.
- XX001: what is stored of the document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.doc_conflicts(uuid, text, text, text[]) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.explain_doc(uuid, text, text, text) IS
'Returns who wrote what is at a path of a document. Of a map, a list or a text that is who created it; of an item of a
text, who wrote the character.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- path: where, as a JSON Pointer such as /title or /text/0.
- branch: the branch; every project has main.
Returns: an object; of the document itself only path and value.
    {path: text, value: any, change: text, doc_actor: text, changed_at: integer,
     change_message: text | null, seq: integer, bundle_id: uuid, actor: uuid,
     display_name: text}
- value: what is there; null of a character in a text.
- change: the hash of the change, and doc_actor the Automerge actor who made it.
- changed_at: when it was made, as its maker says; JavaScript counts seconds since 1970.
- seq: the bundle with which it came; bundle_id, actor and display_name are of the same bundle.
Errors:
- 22004: an argument is NULL.
- 22023: the name or the path has a wrong form.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch, no such document, or
  nothing is at the path.
- PT413: what is returned is larger than quire.max_doc_json_bytes allows.
- PT422: Automerge refuses a change that was stored unseen; earlier states are read by at_seq.
- XX001: what is stored of the document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.explain_doc(uuid, text, text, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_docs(uuid, text, text, text, integer) IS
'Lists the documents of a branch, ordered by name.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- branch: the branch; every project has main.
- prefix: only names that begin so. NULL: all.
- after_doc: only names after this one, for the next page. NULL: from the first.
- max_docs: how many, 1 to 10000.
Returns: rows.
- doc: the name.
- heads: its heads, 64 hex digits each, sorted.
- change_count: how many changes it has.
- change_bytes: the size of its changes in bytes.
- seq: the bundle of its last change.
- updated_at: when that bundle was committed.
- actor: who committed it.
- display_name: what the actor is called.
- checksum: the checksum of that bundle.
Errors:
- 22004: project_uuid, branch or max_docs is NULL.
- 22023: max_docs is not allowed, or the branch has a wrong form.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch.
- XX001: what is stored of a document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.list_docs(uuid, text, text, text, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.doc_history(uuid, text, text, bigint, integer) IS
'Lists the operations on a document, newest first, also of a deleted one.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- branch: the branch; every project has main.
- before_seq: only bundles before this one, for the next page. NULL: from the newest.
- max_ops: how many, 1 to 10000, and what else the bundle of the last one did.
Returns: rows.
- seq: the bundle.
- op: doc.change or doc.delete.
- heads: the heads of the document after the operation; of doc.delete those that were deleted.
- change_count: how many changes it brought.
- actor: who committed the bundle.
- display_name: what the actor is called.
- kind: why it was made, as in bundles.
- message: what its author said of it, or NULL.
- bundle_id: the id of the bundle.
- committed_at: when it was committed.
Errors:
- 22004: project_uuid, doc, branch or max_ops is NULL.
- 22023: max_ops is not allowed, or the name has a wrong form.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch, or no such document.
- XX001: an operation on a document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.doc_history(uuid, text, text, bigint, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.sync_doc(uuid, text, text, bytea, bytea) IS
'Takes a message of Automerge''s sync protocol and answers it. Nothing is kept between calls: the peer gives back the
state it got. It goes on until one of the two has nothing to say. A message that brings changes is for editors, and so
is a document that does not exist yet.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- doc: the name of the document, 1 to 255 bytes without control characters.
- branch: the branch; every project has main.
- message: what the peer''s generateSyncMessage made. NULL: the peer wants to hear first.
- state: the state of the call before. NULL: none, it begins.
Returns: one row.
- message: the answer, for the peer''s receiveSyncMessage. NULL: there is nothing to say.
- state: what the peer gives with its next message.
- heads: the heads of the document now, 64 hex digits each, sorted.
Errors:
- 22004: project_uuid, doc or branch is NULL.
- 22023: the message or the state is none, or Automerge refuses a change; the name has a wrong form.
- 42501: the message brings changes, and the caller may not write the project, or the token does not allow doc:write for
  this document.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch, or no such document
  and the caller may not make it.
- PT409 duplicate_change: the actor of a change has made another one of its number.
- PT413: a change is larger than quire.max_doc_change_bytes or has more operations than quire.max_doc_change_ops, the
  document would be larger than quire.max_doc_bytes, quire.max_doc_ops or quire.max_doc_depth allow or have more than
  500 heads, or there would be more than max_project_bytes.
- PT422: Automerge refuses a change of the document that was stored unseen.
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the branch is closed, or the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.sync_doc(uuid, text, text, bytea, bytea) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
