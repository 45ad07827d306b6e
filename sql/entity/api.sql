-- What may be called about entities: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the view oplog touches on behalf of its reader: see install/policy.sql.
GRANT SELECT ON quire_store.entity_op, quire_store.entity_oplog TO quire_user;

COMMENT ON FUNCTION quire.get_entity(uuid, text, text) IS
'One entity as it is now.
Returns: {entity_type, entity_id, fields: {name: value}, seq, checksum}; seq is of the last bundle that changed it. Errors: 22004, 22023, PT404 also when all its fields are cleared.';
GRANT EXECUTE ON FUNCTION quire.get_entity(uuid, text, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_entities(uuid, text, jsonb) IS
'The entities of a type, by id.
Arguments: matching (an object that the fields must contain, as jsonb @> tells; default: all).
Returns: rows (entity_id, fields, seq, updated_at, checksum). Errors: 22004, 22023, PT404.';
GRANT EXECUTE ON FUNCTION quire.list_entities(uuid, text, jsonb) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.entity_history(uuid, text, text, bigint, integer) IS
'Changes of an entity''s fields, newest first.
Arguments: before_seq (exclusive; default: from the newest); max_changes (1 to 10000, default 100; of the last bundle it is all): for reading in pages, the seq of the last row of one is before_seq of the next.
Returns: rows (seq, op, field, value, is_unset, actor, display_name, kind, message, bundle_id, committed_at); deleting an entity shows one row per field. Errors: 22004, 22023, PT404.';
GRANT EXECUTE ON FUNCTION quire.entity_history(uuid, text, text, bigint, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.entities_at(uuid, bigint) IS
'All entities as they were at a seq, by type and id.
Arguments: at_seq (0: none). Returns: rows (entity_type, entity_id, fields, seq, checksum). Errors: 22004, 22023, PT404.';
GRANT EXECUTE ON FUNCTION quire.entities_at(uuid, bigint) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.explain_entity(uuid, text, text) IS
'Who set each field of an entity, when, and in which bundle; cleared fields included.
Returns: rows (field, value, is_unset, actor, display_name, seq, bundle_id, kind, message, committed_at, conflict_id), by field; conflict_id names the open conflict the field is in. Errors: 22004, 22023, PT404.';
GRANT EXECUTE ON FUNCTION quire.explain_entity(uuid, text, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_conflicts(uuid, boolean) IS
'Conflicts that were recorded and nobody has resolved, oldest first.
Arguments: include_resolved (default false).
Returns: rows (conflict_id, entity_type, entity_id, field, shown, values: [{actor, display_name, value, is_unset, seq, bundle_id}], opened_seq, resolved_seq); shown is the field''s value now; values has the last one of each actor. Errors: 22004, PT404.';
GRANT EXECUTE ON FUNCTION quire.list_conflicts(uuid, boolean) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.resolve_conflict(uuid, uuid, jsonb, uuid) IS
'Settles a conflict: a bundle of kind merge_resolution gives the field its value, also when it has it already. The first resolution wins; a later edit by somebody unaware of it (on_conflict record, an older base_seq) opens the conflict again, and so does undoing it.
Arguments: value (NULL clears the field; any JSON, need not be one of those in conflict); correlation_id.
Returns: like commit_bundle, with conflict_id. Errors: 22004, 22023, 42501, PT404, PT409 already_resolved; PT413, PT423, PT429.';
GRANT EXECUTE ON FUNCTION quire.resolve_conflict(uuid, uuid, jsonb, uuid) TO quire_user;

COMMENT ON FUNCTION quire.conflict_history(uuid, uuid) IS
'What happened to a conflict, in order.
Returns: rows (event, actor, display_name, value, is_unset, seq, bundle_id, committed_at); event is opened, value, resolved or reopened. Errors: 22004, PT404.';
GRANT EXECUTE ON FUNCTION quire.conflict_history(uuid, uuid) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
