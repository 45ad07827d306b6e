-- What may be called about documents that are values of anybody's tables: each function with its description and with who may call it.
-- Guests may not: these functions work on what the caller brings, and a guest has come for a project.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.automerge_from_json(jsonb) IS
'Makes an Automerge document of a JSON object. The same object makes the same bytes. All documents that are made so have
their first change in common, so any two of them can be merged. A string becomes a text. Objects with one member make
what JSON lacks: {"$counter": 5}, {"$timestamp": 1700000000000}, {"$bytes": "AAEC"}, {"$number": "NaN"}.

Who: everybody.
Token: any.
Arguments:
- value: the object. A number with a fraction becomes a double. A number without becomes an integer if it has 64 bits,
  and the nearest double if it has more.
Returns: the bytes of the document. Every Automerge library loads them. NULL if value is NULL.
Errors:
- 22023: value is not an object, has a number out of range, is nested deeper than 127 levels, or has something else in
  {"$counter": ...} and its like than belongs there.
- PT413: value has more than 600000 values, or more than quire.max_doc_json_bytes or quire.max_doc_depth allows, or the
  document would have more than quire.max_doc_change_bytes, quire.max_doc_change_ops, quire.max_doc_bytes or
  quire.max_doc_ops allows.';
GRANT EXECUTE ON FUNCTION quire.automerge_from_json(jsonb) TO quire_user;

COMMENT ON FUNCTION quire.automerge_to_json(bytea, text[]) IS
'Returns what an Automerge document holds as JSON. A document that automerge_from_json makes of the answer has the same
JSON.

Who: everybody.
Token: any.
Arguments:
- doc: the bytes of the document, as any Automerge library saves them. Empty bytes are a document without changes.
- heads: the heads of the state to return, in any order. By default it is the newest state.
Returns: an object. NULL if doc is NULL.
Errors:
- 22004: heads contains a NULL.
- 22023: doc is not a document, heads contains something that is not a hash, or doc lacks one of the heads.
- PT413: doc has more than quire.max_doc_bytes, quire.max_doc_ops, quire.max_doc_change_bytes or
  quire.max_doc_change_ops allows, or its JSON has more than quire.max_doc_json_bytes or quire.max_doc_depth allows, or
  heads has more than 10000 hashes.';
GRANT EXECUTE ON FUNCTION quire.automerge_to_json(bytea, text[]) TO quire_user;

COMMENT ON FUNCTION quire.automerge_merge(bytea, bytea) IS
'Returns an Automerge document with the changes of two documents. Heads and content are the same whichever of them comes
first. Bytes may differ: heads say whether two documents are the same.

Who: everybody.
Token: any.
Arguments:
- doc: the bytes of a document, as any Automerge library saves them. Empty bytes are a document without changes.
- other: the bytes of another document.
Returns: the bytes of the merged document. NULL if an argument is NULL.
Errors:
- 22023: an argument is not a document, or the two cannot be merged because an actor has made different changes with one
  number.
- PT413: both together have more than quire.max_doc_bytes allows, or one of them or the merged document has more than
  quire.max_doc_bytes, quire.max_doc_ops, quire.max_doc_change_bytes or quire.max_doc_change_ops allows.';
GRANT EXECUTE ON FUNCTION quire.automerge_merge(bytea, bytea) TO quire_user;

COMMENT ON FUNCTION quire.automerge_merge_agg(bytea) IS
'Returns an Automerge document with the changes of all documents of a group: an aggregate. It merges them when it has
seen all. It may run in parallel workers.

Who: everybody.
Token: any.
Arguments:
- doc: the bytes of a document, as any Automerge library saves them. Empty bytes are a document without changes. NULLs
  are passed over.
Returns: the bytes of the merged document. NULL if there is no document.
Errors:
- 22023: a doc is not a document, or they cannot be merged because an actor has made different changes with one number.
- PT413: all documents together are larger than quire.max_call_memory, or one of them or the merged document has more
  than quire.max_doc_bytes, quire.max_doc_ops, quire.max_doc_change_bytes or quire.max_doc_change_ops allows.';
GRANT EXECUTE ON FUNCTION quire.automerge_merge_agg(bytea) TO quire_user;

COMMENT ON FUNCTION quire.automerge_heads(bytea) IS
'Returns the heads of an Automerge document: the hashes of its changes that no other change of it depends on. Two
documents with the same heads have the same changes.

Who: everybody.
Token: any.
Arguments:
- doc: the bytes of the document, as any Automerge library saves them. Empty bytes are a document without changes.
Returns: hashes of 64 hex digits, sorted. NULL if doc is NULL.
Errors:
- 22023: doc is not a document.
- PT413: doc has more than quire.max_doc_bytes, quire.max_doc_ops, quire.max_doc_change_bytes or
  quire.max_doc_change_ops allows.';
GRANT EXECUTE ON FUNCTION quire.automerge_heads(bytea) TO quire_user;

COMMENT ON FUNCTION quire.automerge_changes(bytea, text[]) IS
'Returns the changes of an Automerge document one by one, for automerge_apply or for a client.

Who: everybody.
Token: any.
Arguments:
- doc: the bytes of the document, as any Automerge library saves them. Empty bytes are a document without changes.
- after_heads: what the receiver has. The changes that lead to these heads are left out. Heads that doc lacks are passed
  over. By default all changes are returned.
Returns: the bytes of each change, after those of the changes that it depends on. NULL if doc is NULL.
Errors:
- 22004: after_heads contains a NULL.
- 22023: doc is not a document, or after_heads contains something that is not a hash.
- PT413: doc has more than quire.max_doc_bytes, quire.max_doc_ops, quire.max_doc_change_bytes or
  quire.max_doc_change_ops allows, or after_heads has more than 10000 hashes.';
GRANT EXECUTE ON FUNCTION quire.automerge_changes(bytea, text[]) TO quire_user;

COMMENT ON FUNCTION quire.automerge_apply(bytea, bytea[]) IS
'Adds changes to an Automerge document. It passes over those that the document has.

Who: everybody.
Token: any.
Arguments:
- doc: the bytes of the document, as any Automerge library saves them. Empty bytes are a document without changes.
- changes: the bytes of each change, after those of the changes that it depends on, at most 100000.
Returns: the bytes of the document with the changes. NULL if an argument is NULL.
Errors:
- 22004: changes contains a NULL.
- 22023: doc is not a document, changes contains something that is not a change, a change depends on one that is neither
  in doc nor before it, or its actor has made another change with its number.
- PT413: there are more than 100000 changes, one of them has more than quire.max_doc_change_bytes or
  quire.max_doc_change_ops allows, or the document has or would have more than quire.max_doc_bytes or quire.max_doc_ops
  allows.';
GRANT EXECUTE ON FUNCTION quire.automerge_apply(bytea, bytea[]) TO quire_user;

COMMENT ON FUNCTION quire.automerge_diff(bytea, text[], text[]) IS
'Compares two states of an Automerge document. The answer is a JSON Patch (RFC 6902) that leads from the JSON of one
state to the JSON of the other. A text is replaced as a whole. The patch is longer than it had to be when two lists are
so different that the search for a short one would take too long.

Who: everybody.
Token: any.
Arguments:
- doc: the bytes of the document, as any Automerge library saves them. Empty bytes are a document without changes.
- from_heads: the heads of the state to begin with, in any order. By default it is the newest state.
- to_heads: the heads of the state to end with, in any order. By default it is the newest state.
Returns: an array. It is empty if the states are the same. NULL if doc is NULL.
    [{op: text, path: text, value?: json}]
- op: add, remove or replace. A remove has no value.
- path: a JSON Pointer (RFC 6901).
Errors:
- 22004: from_heads or to_heads contains a NULL.
- 22023: doc is not a document, from_heads or to_heads contains something that is not a hash, or doc lacks one of the
  heads.
- PT413: doc has more than quire.max_doc_bytes, quire.max_doc_ops, quire.max_doc_change_bytes or
  quire.max_doc_change_ops allows, or the JSON of a state or the patch has more than quire.max_doc_json_bytes or
  quire.max_doc_depth allows, or from_heads or to_heads has more than 10000 hashes.';
GRANT EXECUTE ON FUNCTION quire.automerge_diff(bytea, text[], text[]) TO quire_user;

COMMENT ON FUNCTION quire.automerge_conflicts(bytea, text[]) IS
'Returns the places of an Automerge document that have several values, because actors wrote there at the same time.
automerge_to_json shows one of the values.

Who: everybody.
Token: any.
Arguments:
- doc: the bytes of the document, as any Automerge library saves them. Empty bytes are a document without changes.
- heads: the heads of the state to look at, in any order. By default it is the newest state.
Returns: an array. It is empty if there are no conflicts. NULL if doc is NULL.
    [{path: text, values: [{value: json, actor: text, change: text}]}]
- path: a JSON Pointer (RFC 6901) through the document.
- values: all values of the place. The last one is the value that automerge_to_json shows.
- actor: who wrote the value, in hex digits.
- change: the hash of the change that wrote it, 64 hex digits.
Errors:
- 22004: heads contains a NULL.
- 22023: doc is not a document, heads contains something that is not a hash, or doc lacks one of the heads.
- PT413: doc has more than quire.max_doc_bytes, quire.max_doc_ops, quire.max_doc_change_bytes or
  quire.max_doc_change_ops allows, or there are more than 10000 conflicts, or their values have more than
  quire.max_doc_json_bytes or quire.max_doc_depth allows, or heads has more than 10000 hashes.';
GRANT EXECUTE ON FUNCTION quire.automerge_conflicts(bytea, text[]) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
