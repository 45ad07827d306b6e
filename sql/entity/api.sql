-- What may be called about entities: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the view oplog touches on behalf of its reader: see install/policy.sql.
GRANT SELECT ON quire_store.entity_op, quire_store.entity_oplog TO quire_user;

COMMENT ON FUNCTION quire.get_entity(uuid, text, text) IS
'Returns one entity as it is now.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- entity_type: the type of the entity.
- entity_id: the id of the entity.
Returns: an object.
    {entity_type: text, entity_id: text, fields: {name: value}, seq: integer,
     checksum: text}
- seq: the last bundle that changed the entity; checksum is that of the same bundle.
Errors:
- 22004: an argument is NULL.
- 22023: the type or the id is not allowed.
- PT404: the project does not exist, the caller may not know of it, or the entity has no field.';
GRANT EXECUTE ON FUNCTION quire.get_entity(uuid, text, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_entities(uuid, text, jsonb) IS
'Lists the entities of a type, ordered by id.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- entity_type: the type of the entity.
- matching: an object that the fields must contain, as the operator @> of jsonb decides. By default all entities
  match.
Returns: rows.
- entity_id: the id of the entity.
- fields: its fields as an object.
- seq: the last bundle that changed it.
- updated_at: when that bundle was committed.
- checksum: the checksum of that bundle.
Errors:
- 22004: an argument is NULL.
- 22023: the type is not allowed, or matching is no object.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_entities(uuid, text, jsonb) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.entity_history(uuid, text, text, bigint, integer) IS
'Lists the changes of an entity''s fields, the newest first. The deletion of an entity is one row for each field.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- entity_type: the type of the entity.
- entity_id: the id of the entity.
- before_seq: only changes of earlier bundles are returned. The seq of the last row of a page is the before_seq of the
  next. NULL: from the newest.
- max_changes: the most rows, 1 to 10000. Of the last bundle all changes are returned.
Returns: rows.
- seq: the bundle.
- op: field.set, field.unset or entity.delete.
- field: the name of the field.
- value: the value after it. NULL when the field was cleared.
- is_unset: whether the field was cleared.
- actor: the actor who committed the bundle.
- display_name: what the actor is called.
- kind: the kind of the bundle.
- message: the message of the bundle.
- bundle_id: the id of the bundle.
- committed_at: when the bundle was committed.
Errors:
- 22004: a required argument is NULL.
- 22023: the type or the id is not allowed, or max_changes or before_seq is out of range.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.entity_history(uuid, text, text, bigint, integer) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_entities_at(uuid, bigint) IS
'Lists all entities as they were at a seq, ordered by type and id.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- at_seq: the seq; 0 is before the first bundle.
Returns: rows.
- entity_type: the type.
- entity_id: the id.
- fields: the fields as an object.
- seq: the last bundle up to at_seq that changed the entity.
- checksum: the checksum of that bundle.
Errors:
- 22004: an argument is NULL.
- 22023: at_seq is not a seq of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_entities_at(uuid, bigint) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.explain_entity(uuid, text, text) IS
'Lists for each field of an entity who set it, when and in which bundle. Cleared fields are among them. The rows are
ordered by field.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- entity_type: the type of the entity.
- entity_id: the id of the entity.
Returns: rows.
- field: the name of the field.
- value: its value, or NULL when it is cleared.
- is_unset: whether the field is cleared.
- actor: the actor who set it.
- display_name: what the actor is called.
- seq: the bundle that set it.
- bundle_id: the id of that bundle.
- kind: the kind of that bundle.
- message: the message of that bundle.
- committed_at: when that bundle was committed.
- conflict_id: the open conflict that the field is in, or NULL.
Errors:
- 22004: an argument is NULL.
- 22023: the type or the id is not allowed.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.explain_entity(uuid, text, text) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_conflicts(uuid, boolean) IS
'Lists the conflicts that were recorded and that nobody has resolved, the oldest first.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- include_resolved: true lists resolved conflicts, too.
Returns: rows.
- conflict_id: the id of the conflict.
- entity_type: the type of the entity.
- entity_id: the id of the entity.
- field: the field in conflict.
- shown: the value that the field has now.
- values: the last value of each actor, as [{actor, display_name, value, is_unset, seq, bundle_id}].
- opened_seq: the bundle that opened the conflict.
- resolved_seq: the bundle that resolved it, or NULL.
Errors:
- 22004: an argument is NULL.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_conflicts(uuid, boolean) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.resolve_conflict(uuid, uuid, jsonb, uuid) IS
'Settles a conflict. A bundle of kind merge_resolution gives the field its value, also when the field has that value
already. The first resolution wins. A later edit by somebody unaware of it (on_conflict record with an older base_seq)
opens the conflict again, and so does taking the resolution back.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- conflict_id: the conflict.
- value: the value of the field, any JSON. NULL clears the field.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
Returns: the receipt, as commit_bundle returns it, with conflict_id.
Errors:
- 22004: project_uuid or conflict_id is NULL.
- 22023: the value is not allowed.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, the caller may not know of it, or it has no such conflict.
- PT409 already_resolved: somebody has resolved the conflict.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT413: the value is too long, or the entity would be larger than max_entity_bytes.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.resolve_conflict(uuid, uuid, jsonb, uuid) TO quire_user;

COMMENT ON FUNCTION quire.conflict_history(uuid, uuid) IS
'Lists what happened to a conflict, in order.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
- conflict_id: the conflict.
Returns: rows.
- event: opened, value, resolved or reopened.
- actor: who did it.
- display_name: what the actor is called.
- value: the value that came with it, or NULL when the field was cleared.
- is_unset: whether the field was cleared.
- seq: the bundle.
- bundle_id: the id of the bundle.
- committed_at: when the bundle was committed.
Errors:
- 22004: an argument is NULL.
- PT404: the project does not exist, the caller may not know of it, or it has no such conflict.';
GRANT EXECUTE ON FUNCTION quire.conflict_history(uuid, uuid) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
