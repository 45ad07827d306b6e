-- What may be called about undo: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.undo(uuid, text, uuid) IS
'Takes back the caller''s newest bundle that is not taken back: a new bundle of kind undo restores the files, fields and assets it touched; nothing is rewritten. Bundles of others, and bundles of kind system, are passed over.
Arguments: on_conflict, about what has become something else since (reject; skip: left as it is, and so is what has no content any more; record: fields are restored all the same and the conflict is kept, see list_conflicts, files and assets are refused); correlation_id.
Returns: like commit_bundle, with undoes_seq and skipped: [{file_path | entity_type, entity_id, field | content_hash, seq, actor, bundle_id, in_words}]; seq, actor and bundle_id are of whoever changed it, null when its content is archived or collected. The bundle is written even if nothing was left to do, so that the walk goes on.
Errors: 22004, 22023, 42501 also for a token, PT404 nothing to undo, PT409 changed_since (DETAIL lists conflicts as skipped does), path_conflict; PT410 a content is collected, PT413, PT423, PT429, XX001 an operation of the kinds it would bring back is in quarantine.';
GRANT EXECUTE ON FUNCTION quire.undo(uuid, text, uuid) TO quire_user;
ALTER FUNCTION quire.undo(uuid, text, uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.redo(uuid, text, uuid) IS
'Takes back the caller''s newest undo, unless they have edited since; revert_bundle then brings an undone bundle back.
Arguments, result and errors: as undo; PT404 nothing to redo.';
GRANT EXECUTE ON FUNCTION quire.redo(uuid, text, uuid) TO quire_user;
ALTER FUNCTION quire.redo(uuid, text, uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.revert_bundle(uuid, bigint, text, uuid) IS
'Takes back any bundle, anybody''s: a new bundle of kind rollback, which is an edit of the caller and can itself be undone. Of an undo, it brings back what that took away.
Arguments: seq (of the bundle); otherwise as undo. Returns: as undo. Errors: as undo, and PT404 no such bundle, PT422 a bundle of kind system cannot be taken back.';
GRANT EXECUTE ON FUNCTION quire.revert_bundle(uuid, bigint, text, uuid) TO quire_user;
ALTER FUNCTION quire.revert_bundle(uuid, bigint, text, uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.list_undoable(uuid, integer, bigint) IS
'The caller''s edits, newest first, and whether they are taken back.
Arguments: max_bundles (1 to 10000, default 100); before_seq (exclusive; default: from the newest): for reading in pages, the seq of the last row of one is before_seq of the next.
Returns: rows (seq, kind, message, op_count, committed_at, state, undone_by, next); state is done or undone; undone_by is the seq of what takes it back now; next is undo or redo at the bundle that such a call would take next.
Errors: 22004, 22023, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.list_undoable(uuid, integer, bigint) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
