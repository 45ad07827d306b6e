-- What may be called about the log: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the views touch on behalf of their reader: see install/policy.sql.
GRANT SELECT ON quire_store.bundle TO quire_user;

GRANT SELECT ON quire.bundles TO quire_user;
GRANT SELECT ON quire.oplog TO quire_user;

COMMENT ON FUNCTION quire.commit_bundle(uuid, jsonb, text, text, bigint, uuid, text, text) IS
'Commits any mix of operations as one bundle: all or nothing, one seq, one event. Operations apply in order.
Arguments: ops, an array of {"op": "file.put", file_path, content | content_base64, file_type?, mode?, expected_version?}, {"op": "file.delete", file_path, expected_version?}, {"op": "file.move", from_path, to_path, expected_version?}, {"op": "field.set", entity_type, entity_id, field, value, base_seq?}, {"op": "field.unset", entity_type, entity_id, field, base_seq?}, {"op": "entity.delete", entity_type, entity_id, base_seq?}, {"op": "asset.put", filename, media_type, asset_type, content_base64 | content_hash}, {"op": "asset.delete", content_hash, reason?}; an asset''s content_hash alone suffices when the project has that content; kind (user_edit, import, job_output or merge_resolution); message (at most 64 KiB); base_seq (what the author had seen: a path changed after it, or a field changed after it by another actor to another value, is in conflict); base_checksum (the checksum as it went with base_seq: 16 to 64 hex digits; the log there must be the one that the caller knows); correlation_id; on_conflict (reject; record: fields are written and the conflict is kept, see list_conflicts, paths are refused; skip: left out). Entity types have at most 128 bytes, ids and field names 255, values 1 MiB and 100 levels.
Returns: {seq, bundle_id, checksum, ops: [{op, file_path, from_path?, version, content_hash, status} or {op, entity_type, entity_id, field?, status, skipped?, conflicts?} or {op, content_hash, filename, media_type, asset_type, size, status}], advice?}; bundle_id is null when nothing changed, seq and checksum are then the newest; skipped and conflicts name fields; advice is there above 1000 operations, with a notice, unless kind is job_output or import.
Errors: as upsert_project_file, and 22023 a number that a double cannot hold, 42501 a token does not allow operations on fields and assets, PT404 no such asset, or content that the project does not have; PT410 content given by its hash is archived or collected; PT409 must_refetch (the log at base_seq is another one: the database was set back), base_changed, field_conflict (DETAIL lists conflicts: entity, field, both values, actors and bundles), PT413 more operations than quire.max_bundle_ops, or a value too long.';
GRANT EXECUTE ON FUNCTION quire.commit_bundle(uuid, jsonb, text, text, bigint, uuid, text, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.search_ops(uuid, jsonb, integer) IS
'Operations of the log, newest first.
Arguments: filter, an object with any of op, kind, actor (uuid), target (exact), target_prefix, entity_type, entity_id, field, after_seq, before_seq (exclusive), before_ordinal (with before_seq: also the operations of that bundle before this one), since, until (times; since inclusive), message (part of the bundle''s message); max_ops (1 to 10000, default 100): for reading in pages, seq and ordinal of the last row of one are before_seq and before_ordinal of the next.
Returns: rows (seq, ordinal, op, target, actor, display_name, kind, message, bundle_id, before, after, checksum, committed_at, from_peer); from_peer is the peer that the bundle came from, whose word the author is, or NULL. Errors: 22004, 22023, PT404.';
GRANT EXECUTE ON FUNCTION quire.search_ops(uuid, jsonb, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.bundle_details(uuid, bigint) IS
'One bundle with everything it says.
Returns: {seq, bundle_id, kind, actor, display_name, from_peer, message, correlation_id, base_seq, undoes_seq, undone_by: [seq], op_count, checksum, prev_checksum, details, committed_at, ops: [{ordinal, op, target, entity?, checksum, before, after}]}; from_peer is the peer it came from, whose word the author is, or null; at most 1000 of its operations, and values_omitted: true instead of before and after once these have 32 MiB together: search_ops has all. Errors: 22004, PT404 no such bundle.';
GRANT EXECUTE ON FUNCTION quire.bundle_details(uuid, bigint) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
