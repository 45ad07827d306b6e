-- What may be called as the storage of automerge-repo: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.storage_load(uuid, text[]) IS
'Returns the bytes that were saved under a key. Where they went into a document, that is the document as it is now, with
its whole history, which has all that was saved there and maybe more.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- key: 1 to 16 texts, together at most 1024 bytes.
Returns: the bytes. NULL: nothing is there.
Errors:
- 22004: an argument is NULL, or one of the texts.
- 22023: the key has no part.
- PT404: the project does not exist, or the caller may not know of it.
- PT413: the key has more than 16 parts or more than 1024 bytes.
- PT422: Automerge refuses a change that was stored unseen.
- XX001: what is stored of the document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.storage_load(uuid, text[]) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.storage_load_range(uuid, text[]) IS
'Returns all pairs whose keys begin with some parts. A document of main that is there is one pair, whoever wrote it:
its name, snapshot and a hash of its heads, with the whole document. What went into it is in no other pair. Documents
come first, by name; then the other pairs, in the order in which they were saved.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- key_prefix: what the keys begin with: at most 16 texts, together at most 1024 bytes. Without a text: all pairs.
Returns: rows.
- key: the key. Of a document the third part is BLAKE3 of its sorted heads, 64 hex digits.
- data: the bytes.
Errors:
- 22004: an argument is NULL, or one of the texts.
- PT404: the project does not exist, or the caller may not know of it.
- PT413: key_prefix has more than 16 parts or more than 1024 bytes, or the documents are larger than
  quire.max_call_memory allows.
- PT422: Automerge refuses a change that was stored unseen.
- XX001: what is stored of a document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.storage_load_range(uuid, text[]) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.storage_save(uuid, text[], bytea) IS
'Keeps bytes under a key, in the place of those that are there. What an Automerge library has written, saved under the
name of a document, snapshot or incremental, and anything, becomes changes of the document of that name on main, as one
bundle; changes that it has already are left out, and a deleted document is there again. Changes that depend on others
that are not there are kept as they came, and go into the document with those others when these are saved. All else is
kept as it is, in no bundle and with no history.

Who: editors.
Token: doc:write.
Arguments:
- project_uuid: the project.
- key: 1 to 16 texts, together at most 1024 bytes.
- data: the bytes. What does not go into a document is at most 16 MiB.
Returns: nothing.
Errors:
- 22004: an argument is NULL, or one of the texts.
- 22023: the key has no part, or Automerge refuses a change.
- 42501: the caller may not write the project, or the token does not allow it. By globs it allows the keys whose first
  part matches.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 duplicate_change: the actor of a change has made another one of its number.
- PT413: the key has more than 16 parts or more than 1024 bytes, data that goes into no document is longer than 16 MiB,
  a change is larger than quire.max_doc_change_bytes or has more operations than quire.max_doc_change_ops, the
  document would be larger than quire.max_doc_bytes, quire.max_doc_ops or quire.max_doc_depth allow or have more than
  500 heads, or there would be more than max_project_bytes.
- PT422: Automerge refuses a change of the document that was stored unseen.
- PT422 bound: the document would have no text where a file is bound to it (bind_doc_to_file).
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.storage_save(uuid, text[], bytea) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.storage_remove(uuid, text[]) IS
'Forgets a key, and the bytes that were saved under it. What went into a document stays in it. A key that is not there
is no error.

Who: editors.
Token: doc:write.
Arguments:
- project_uuid: the project.
- key: 1 to 16 texts, together at most 1024 bytes.
Returns: nothing.
Errors:
- 22004: an argument is NULL, or one of the texts.
- 22023: the key has no part.
- 42501: the caller may not write the project, or the token does not allow it. By globs it allows the keys whose first
  part matches.
- PT404: the project does not exist, or the caller may not know of it.
- PT413: the key has more than 16 parts or more than 1024 bytes.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.storage_remove(uuid, text[]) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.storage_remove_range(uuid, text[]) IS
'Forgets all keys that begin with some parts. With the name of a document alone, or with that and snapshot, the document
of main is deleted, too, as delete_doc does it: its history stays.

Who: editors.
Token: doc:write.
Arguments:
- project_uuid: the project.
- key_prefix: what the keys begin with: at most 16 texts, together at most 1024 bytes. Without a text: all keys, and all
  documents of main.
Returns: nothing.
Errors:
- 22004: an argument is NULL, or one of the texts.
- 42501: the caller may not write the project, or the token does not allow it. By globs it allows the keys whose first
  part matches.
- PT404: the project does not exist, or the caller may not know of it.
- PT413: key_prefix has more than 16 parts or more than 1024 bytes, or there are more documents than
  quire.max_bundle_ops allows.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.storage_remove_range(uuid, text[]) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
