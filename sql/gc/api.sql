-- What may be called about the end of content: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.gc_plan(uuid) IS
'Lists what the project stores: each content, and why it is kept or that it can be collected. The call looks at
everything and takes time with the size of the project. The rows are ordered by hash.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
Returns: rows.
- content_hash: BLAKE3 of the content, 64 hex digits.
- size: the length in bytes.
- stored_bytes: the length as compressed.
- state: present, archived or collected.
- is_collectable: whether gc_run would collect it.
- reason: why it is kept or not, as a sentence.
- references: what keeps it, as [{kind, count, detail}]. kind is live_file, recent_version (it was current inside the
  setting retention_days), tagged_version, live_asset, recent_asset (it was deleted inside the retention), open_job,
  snapshot or quarantine; detail names one of count.
Errors:
- 22004: project_uuid is NULL.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.gc_plan(uuid) TO quire_user;

COMMENT ON FUNCTION quire.gc_run(uuid, integer) IS
'Collects content that nothing needs: its bytes go; its hash, its size, and when and why it went stay. Call it until
remaining is 0. The first call looks at everything without a lock; each call holds the lock of the project only to
check its share again and to empty it. The call makes no bundle. Uploads that have expired are removed, too.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- max_blobs: how many contents one call collects, 1 to 10000. The more there are, the longer writers wait.
Returns: an object.
    {collected: integer, freed_bytes: integer, remaining: integer}
- freed_bytes: the length as stored.
- remaining: the number of candidates that are left, at most.
Errors:
- 22004: an argument is NULL.
- 22023: max_blobs is out of range.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.gc_run(uuid, integer) TO quire_user;

COMMENT ON FUNCTION quire.archive_blob(uuid, text, text) IS
'Takes the bytes of content away that the caller keeps elsewhere. Read the content first, store it, read it back and
give its SHA-256, which shows that you have it. The content of a current file stays.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- content_hash: the hash of the content (BLAKE3), 64 hex digits.
- sha256: SHA-256 of the same bytes, 64 hex digits.
Returns: an object.
    {content_hash: text, state: text, size: integer, freed_bytes: integer}
Errors:
- 22004: an argument is NULL.
- 22023: a hash is not one, or sha256 is not that of the content.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, the caller may not know of it, or it has no such content.
- PT409 in_use: a current file has this content.
- PT410: the content is collected.
- PT423: the project is archived.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.archive_blob(uuid, text, text) TO quire_user;

COMMENT ON FUNCTION quire.restore_blob(uuid, text, bytea) IS
'Brings content back that was archived or collected. Content that is larger than one value can be is uploaded as an
asset, which brings it back, too.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- content_hash: the hash of the content (BLAKE3), 64 hex digits.
- bytes: exactly that content.
Returns: an object.
    {content_hash: text, state: text, size: integer, freed_bytes: integer}
Errors:
- 22004: an argument is NULL.
- 22023: hash is not one, or the bytes are other ones.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, the caller may not know of it, or it has no such content.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.restore_blob(uuid, text, bytea) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
