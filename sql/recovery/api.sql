-- What may be called about corruption and recovery: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.verify_project(uuid, text) IS
'Checks everything that is stored against its checksums. What is wrong is recorded in quarantine and not raised; nothing else changes. Owners only.
Arguments: depth (log: operations, bundles, their chain; state: and the current files, fields and assets, totals, and what versions say beside their operations, against the log; content: and every content against its hash, default).
Returns: {project_id, seq, is_sound, bundles, ops, files, fields, assets, blobs, blob_bytes, findings: [{quarantine_id, kind, key, fault, in_words}]}; what was rejected before is not found again, unless it changes once more.
Errors: 22004, 22023, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.verify_project(uuid, text) TO quire_user;
ALTER FUNCTION quire.verify_project(uuid, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.replay_project(uuid, bigint) IS
'Makes files and fields anew from the operations alone and compares them with the tables. Members only; changes nothing.
Arguments: to_seq (default: the newest).
Returns: {project_id, seq, bundles, ops, files, fields, assets, is_equal, differences: [operations that the tables lack, at most 1000], impossible: [{seq, ordinal, why}]}. Errors: 22004, 22023, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.replay_project(uuid, bigint) TO quire_user;
ALTER FUNCTION quire.replay_project(uuid, bigint) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.list_quarantine(uuid, boolean) IS
'What was found corrupt, oldest first. Reading it raises XX001 with the quarantine_id. Members only.
Arguments: include_ended (default false).
Returns: rows (quarantine_id, kind, key, fault, in_words, expected, status, found_at, ended_at, ended_by, reason); kind is blob, file_op, field_op, asset_op, bundle, project_head, file_head, entity_field, asset or peer_bundle; key names the row; expected is the recorded checksum; status is open, repaired or rejected. Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.list_quarantine(uuid, boolean) TO quire_user;

COMMENT ON FUNCTION quire.repair(uuid, uuid, jsonb) IS
'Mends a row in quarantine. A copy, from a backup or a peer, is accepted only when it has the checksum that was recorded; what other rows prove needs none. Owners only.
Arguments: supply: {content | content_base64} for a blob; {op: canonical form} for an operation; {header: {project_id, seq, bundle_id, kind, actor_id, message, correlation_id, base_seq, undoes_seq, committed_at (microseconds since 1970)}} for a bundle; not needed for file_head, entity_field, asset, project_head, for the faults row, checksum and prev_checksum, and for content that was written again since.
Returns: {quarantine_id, kind, key, status, repaired_from}; repaired_from is supply, the log or a later write.
Errors: 22004 a copy is needed, 22023, 42501, PT404, PT409 already_ended, PT422 the copy is another one, or rows are missing.';
GRANT EXECUTE ON FUNCTION quire.repair(uuid, uuid, jsonb) TO quire_user;

COMMENT ON FUNCTION quire.reject_quarantined(uuid, uuid, text) IS
'Gives a row in quarantine up: it is taken as it is, and not found again unless it changes once more. Content is unavailable (PT410) until it is written again. Owners only.
Arguments: reason (1 to 1000 characters; kept). Returns: {quarantine_id, kind, key, status}.
Errors: 22004, 22023, 42501, PT404, PT409 already_ended.';
GRANT EXECUTE ON FUNCTION quire.reject_quarantined(uuid, uuid, text) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
