-- What may be called about the end of content: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.gc_plan(uuid) IS
'What the project stores, each content with why it is kept or that it can be collected. Looks at everything: takes time with the project''s size. Owners only.
Returns: rows (content_hash, size, stored_bytes, state, is_collectable, reason, references: [{kind, count, detail}]), by hash; size and stored_bytes (compressed) in bytes; state is present, archived or collected; kind is live_file, recent_version (was current inside the setting retention_days), tagged_version, live_asset or recent_asset (deleted inside the retention); detail names one of count.
Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.gc_plan(uuid) TO quire_user;

COMMENT ON FUNCTION quire.gc_run(uuid, integer) IS
'Collects content that nothing needs: its bytes go, its hash, size, and when and why stay. Call it until remaining is 0. The first call looks at everything without a lock; each holds the project''s lock only to check its share again and to empty it. It makes no bundle. Also removes expired uploads. Owners only.
Arguments: max_blobs (1 to 10000, default 100: the more, the longer writers wait).
Returns: {collected, freed_bytes, remaining}; freed_bytes as stored; remaining candidates, at most. Errors: 22004, 22023, 42501, PT404, PT423.';
GRANT EXECUTE ON FUNCTION quire.gc_run(uuid, integer) TO quire_user;

COMMENT ON FUNCTION quire.archive_blob(uuid, text, text) IS
'Takes content away that the caller keeps elsewhere. Read it first, store it, read it back, and give its SHA-256, which shows that you have it. What a current file has stays. Owners only.
Arguments: hash (64 hex digits, BLAKE3); sha256 (64 hex digits, of the same bytes).
Returns: {content_hash, state, size, freed_bytes}. Errors: 22004, 22023 also when sha256 is another, 42501, PT404, PT409 in_use, PT410 it is collected, PT423, XX001.';
GRANT EXECUTE ON FUNCTION quire.archive_blob(uuid, text, text) TO quire_user;

COMMENT ON FUNCTION quire.restore_blob(uuid, text, bytea) IS
'Takes content back that was archived or collected. Larger than one value can be, upload it as an asset: that brings it back, too. Owners only.
Arguments: hash (64 hex digits); bytes (exactly that content).
Returns: {content_hash, state, size, freed_bytes}. Errors: 22004, 22023 other bytes, 42501, PT404, PT423.';
GRANT EXECUTE ON FUNCTION quire.restore_blob(uuid, text, bytea) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
