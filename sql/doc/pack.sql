-- Packing of documents.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.pack_docs(uuid, integer) IS
'Packs old changes of documents: runs of 1000 to 10000 changes, which had a row each, become one compressed row. A text
that was typed takes a tenth to a fiftieth of what it took. Every change is still there, with its bytes and its hash: no
answer of any function is another one. The newest 100 changes of a document keep their rows, and so do the changes of a
document that has fewer than 1100. Nobody waits for it who writes, and the call makes no bundle. It loads each document
that has something to pack. PostgreSQL gives the room of the rows back after VACUUM.
It also keeps a snapshot of each document that has got 500 changes (quire.doc_snapshot_changes) or 2 MB of them
(quire.doc_snapshot_bytes) more than the last one has, and a tenth more: who loads the document begins there. Snapshots
are a cache. The newest 2 (quire.doc_snapshots) are kept.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- max_changes: the document with which so many changes are packed is the last, 1 to 100000000.
Returns: an object.
    {docs: integer, changes: integer, change_bytes: integer, stored_bytes: integer, left: integer, remaining: integer,
     snapshots: integer}
- docs: in how many documents something was packed, a branch''s part of one counting for itself.
- changes: how many changes were packed.
- change_bytes: the bytes that they had in their rows.
- stored_bytes: the bytes that they have now, beside 4 or more of each hash.
- left: how many changes keep their rows because they would not get smaller, or Automerge would not give back the same,
  or the document cannot be loaded.
- remaining: how many documents were not looked at. Call again until it is 0.
- snapshots: how many documents have got a snapshot.
Errors:
- 22004: an argument is NULL.
- 22023: max_changes is out of range.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.pack_docs(uuid, integer) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
