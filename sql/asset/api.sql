-- What may be called about assets: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the view oplog touches on behalf of its reader: see install/policy.sql.
GRANT SELECT ON quire_store.asset_op, quire_store.asset_oplog TO quire_user;

COMMENT ON FUNCTION quire.put_asset(uuid, text, bytea, text, text, uuid) IS
'Keeps content as an asset, known by its hash. The same content again changes its name and types, or brings a deleted one back.
Arguments: filename (1 to 255 bytes, no path); bytes (at most the setting max_file_bytes); media_type (like image/png, at most 255 bytes); asset_type (what it is to the application, 1 to 128 bytes); correlation_id.
Returns: {content_hash, filename, media_type, asset_type, size, seq, checksum, status}; status is created, updated, unchanged or restored.
Errors: 22004, 22023, 42501 also for every token, PT404, PT409 correlation_reused, PT413, PT423, PT429.';
GRANT EXECUTE ON FUNCTION quire.put_asset(uuid, text, bytea, text, text, uuid) TO quire_user;

COMMENT ON FUNCTION quire.delete_asset(uuid, text, text, uuid) IS
'Keeps an asset no longer. Its bytes stay until nothing needs them, see gc_run.
Arguments: hash (64 hex digits); reason (at most 1024 bytes); correlation_id.
Returns: like put_asset, with status deleted. Errors: 22004, 22023, 42501 also for every token, PT404, PT409, PT423, PT429.';
GRANT EXECUTE ON FUNCTION quire.delete_asset(uuid, text, text, uuid) TO quire_user;

COMMENT ON FUNCTION quire.get_asset(uuid, text) IS
'What is known of an asset, also of a deleted one.
Arguments: hash (64 hex digits).
Returns: {content_hash, filename, media_type, asset_type, size, is_deleted, reason, seq, checksum, actor, updated_at, state}; seq, actor and updated_at of its last change; state of its bytes is present, archived, collected or quarantined. Errors: 22004, 22023, PT404, XX001.';
GRANT EXECUTE ON FUNCTION quire.get_asset(uuid, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.read_asset_range(uuid, text, bigint, bigint) IS
'Bytes of an asset, at most 64 MiB a call. Reads only the chunks it needs. The hash is verified when the asset has at most 1 MiB or is read whole; of a part, each chunk against a checksum of its own.
Arguments: hash (64 hex digits); offset (bytes, from 0); length (bytes; default: to the end). Beyond the end there is nothing.
Returns: the bytes. Errors: 22004, 22023, PT404 also when it is deleted, PT410 archived, PT413, XX001.';
GRANT EXECUTE ON FUNCTION quire.read_asset_range(uuid, text, bigint, bigint) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_assets(uuid, text) IS
'The live assets, by type, filename and hash.
Arguments: asset_type (default: all). Returns: rows (content_hash, filename, media_type, asset_type, size, seq, actor, updated_at, checksum). Errors: 22004, 22023, PT404, XX001.';
GRANT EXECUTE ON FUNCTION quire.list_assets(uuid, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.begin_upload(uuid, text, text, text, interval) IS
'Begins an asset that arrives in pieces. Removes expired uploads.
Arguments: filename, media_type, asset_type (as put_asset); lease (1 second to 7 days: how long it may take).
Returns: the upload''s id. Errors: 22004, 22023, 42501 also for every token, PT404, PT413 the caller has 100 open in the project, PT423.';
GRANT EXECUTE ON FUNCTION quire.begin_upload(uuid, text, text, text, interval) TO quire_user;

COMMENT ON FUNCTION quire.append_upload(uuid, uuid, integer, bytea) IS
'Adds a piece to an upload, in any order. The same piece again changes nothing. Whoever began it, or an owner.
Arguments: ordinal (1 to 1000000); bytes (at most 16 MiB; all pieces together at most the setting max_asset_bytes; what is being uploaded counts into max_project_bytes).
Returns: bytes so far. Errors: 22004, 22023, 42501, PT404, PT409 the piece has other bytes already, PT410 the upload has expired, PT413, PT423.';
GRANT EXECUTE ON FUNCTION quire.append_upload(uuid, uuid, integer, bytea) TO quire_user;

COMMENT ON FUNCTION quire.finish_upload(uuid, uuid, text, uuid) IS
'Makes an asset of the pieces of an upload, in order of their ordinals, in bounded memory. Whoever began it, or an owner.
Arguments: content_hash (what it must be; default: anything); correlation_id.
Returns: like put_asset. Errors: as put_asset, and 22023 the content has another hash, PT404 no such upload, PT409 incomplete: a piece is missing; PT410 the upload has expired.';
GRANT EXECUTE ON FUNCTION quire.finish_upload(uuid, uuid, text, uuid) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
