-- What may be called about assets: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the view oplog touches on behalf of its reader: see install/policy.sql.
GRANT SELECT ON quire_store.asset_op, quire_store.asset_oplog TO quire_user;

COMMENT ON FUNCTION quire.put_asset(uuid, text, bytea, text, text, uuid) IS
'Keeps content as an asset, which is known by its hash. The same content again changes its name and types, or brings a
deleted asset back. Bytes are never decoded: base64 that is passed here is stored as base64; the operation asset.put
of commit_bundle has content_base64 for that.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- filename: the name, 1 to 255 bytes, without a path.
- bytes: the content, at most the setting max_file_bytes.
- media_type: a media type such as image/png, at most 255 bytes.
- asset_type: what the asset is to the application, 1 to 128 bytes.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: an object.
    {content_hash: text, filename: text, media_type: text, asset_type: text,
     size: integer, seq: integer, checksum: text, status: text}
- status: created, updated, unchanged or restored.
Errors:
- 22004: a required argument is NULL.
- 22023: the name or a type is not allowed.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: the content is larger than max_file_bytes, or there would be more than max_project_bytes.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.put_asset(uuid, text, bytea, text, text, uuid) TO quire_user;

COMMENT ON FUNCTION quire.delete_asset(uuid, text, text, uuid) IS
'Deletes an asset. Its bytes stay until nothing needs them; see gc_run.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- content_hash: the hash of the content, 64 hex digits.
- reason: why, at most 1024 bytes.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the asset as put_asset returns it, with the status deleted.
Errors:
- 22004: project_uuid or content_hash is NULL.
- 22023: the hash or the reason is not allowed.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, the caller may not know of it, or it has no such asset.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.delete_asset(uuid, text, text, uuid) TO quire_user;

COMMENT ON FUNCTION quire.get_asset(uuid, text) IS
'Returns what is known of an asset, also of a deleted one.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- content_hash: the hash of the content, 64 hex digits.
Returns: an object.
    {content_hash: text, filename: text, media_type: text, asset_type: text, size: integer,
     is_deleted: boolean, reason: text | null, seq: integer, checksum: text, actor: uuid,
     updated_at: timestamp, state: text}
- seq: the bundle of its last change; actor and updated_at are of the same bundle.
- state: whether its bytes are present, archived, collected or quarantined.
Errors:
- 22004: an argument is NULL.
- 22023: the hash is not one.
- PT404: the project does not exist, the caller may not know of it, or it has no such asset.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.get_asset(uuid, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.read_asset_range(uuid, text, bigint, bigint) IS
'Returns bytes of an asset, at most 64 MiB in one call. Only the chunks that it needs are read. The hash of the content
is verified when the asset has at most 1 MiB or is read whole; of a part, each chunk is verified against a checksum of
its own.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- content_hash: the hash of the content, 64 hex digits.
- offset: the first byte, from 0.
- length: the number of bytes. By default all bytes to the end are returned.
Returns: the bytes. Beyond the end there are none.
Errors:
- 22004: a required argument is NULL.
- 22023: the hash is not one, or offset or length is negative.
- PT404: the project does not exist, the caller may not know of it, or it has no such asset, or the asset is deleted.
- PT410: the content is archived or collected.
- PT413: more than 64 MiB are asked for.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.read_asset_range(uuid, text, bigint, bigint) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_assets(uuid, text) IS
'Lists the live assets, ordered by type, filename and hash.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- asset_type: only assets of this type. By default all are listed.
Returns: rows.
- content_hash: BLAKE3 of the content, 64 hex digits.
- filename: the name.
- media_type: the media type.
- asset_type: what the asset is to the application.
- size: the length in bytes.
- seq: the bundle of its last change.
- actor: the actor who committed that bundle.
- updated_at: when that bundle was committed.
- checksum: the checksum of that bundle.
Errors:
- 22004: project_uuid is NULL.
- 22023: the type is not allowed.
- PT404: the project does not exist, or the caller may not know of it.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.list_assets(uuid, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.begin_upload(uuid, text, text, text, interval) IS
'Begins an asset that arrives in pieces. Uploads that have expired are removed.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- filename: the name, as for put_asset.
- media_type: the media type, as for put_asset.
- asset_type: what the asset is to the application, as for put_asset.
- lease: how long the upload may take, 1 second to 7 days.
Returns: the id of the upload.
Errors:
- 22004: an argument is NULL.
- 22023: the name, a type or the lease is not allowed.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, or the caller may not know of it.
- PT413: the caller has 100 uploads open in the project.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.begin_upload(uuid, text, text, text, interval) TO quire_user;

COMMENT ON FUNCTION quire.append_upload(uuid, uuid, integer, bytea) IS
'Adds a piece to an upload. Pieces may come in any order, and the same piece again changes nothing.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- upload_id: the upload. The caller has begun it, or is an owner.
- ordinal: the place of the piece, 1 to 1000000.
- bytes: the piece, at most 16 MiB. All pieces together have at most the setting max_asset_bytes, and count into
  max_project_bytes.
Returns: the number of bytes that the upload has so far.
Errors:
- 22004: an argument is NULL.
- 22023: ordinal is out of range.
- 42501: the caller may not write the project, uses a token, or has not begun the upload and is not an owner.
- PT404: the project does not exist, the caller may not know of it, or it has no such upload.
- PT409 duplicate: the piece has other bytes already.
- PT410: the upload has expired.
- PT413: the piece is larger than 16 MiB, or there would be more than max_asset_bytes or max_project_bytes.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.append_upload(uuid, uuid, integer, bytea) TO quire_user;

COMMENT ON FUNCTION quire.finish_upload(uuid, uuid, text, uuid) IS
'Makes an asset of the pieces of an upload, in the order of their ordinals and in bounded memory.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- upload_id: the upload. The caller has begun it, or is an owner.
- content_hash: the hash that the content must have. By default any content is taken.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the asset as put_asset returns it.
Errors:
- 22004: project_uuid or upload_id is NULL.
- 22023: the content has another hash, or content_hash is not one.
- 42501: the caller may not write the project, uses a token, or has not begun the upload and is not an owner.
- PT404: the project does not exist, the caller may not know of it, or it has no such upload.
- PT409 incomplete: a piece is missing.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT410: the upload has expired.
- PT413: the content is larger than max_asset_bytes, or there would be more than max_project_bytes.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.finish_upload(uuid, uuid, text, uuid) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
