-- What may be called about peers: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.sync_pull(uuid, text, integer, bigint, text) IS
'Returns the next whole bundles for another database that holds the same project, after what that database has
acknowledged. Each bundle is checked before it goes out. What is corrupt here is recorded in quarantine, and the
answer ends before it.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- peer_id: a name for the other database, 1 to 255 characters.
- max_ops: how many operations the answer has together, 1 to 1000000; it has always one bundle at least, and at most
  32 MiB of operations and contents.
- after_seq: the bundle to begin after. By default it is what the peer has acknowledged, and the peer''s own bundles
  are left out. When it is given, all bundles after it are returned, such as to repair the peer.
- after_checksum: the checksum that went with after_seq, 16 to 64 hex digits. The log there must be the one that the
  peer knows.
Returns: an object.
    {project_id: uuid, peer_id: text, after_seq: integer, after_checksum: text,
     checkpoint: integer, checkpoint_checksum: text, has_more: boolean,
     bundles: [{seq: integer,
                log: {seq: integer, checksum: text, after_seq: integer,
                      after_checksum: text, passed: [[integer, text]]},
                header: object, prev_checksum: text, checksum: text,
                display_name: text | null, undoes_bundle_id: uuid | null,
                undoes_made_as: integer | null,
                ops: [{op: object, base?: uuid | null, from_base?: uuid | null,
                       moved?: {content_hash: text, file_type: text, mode: text,
                                size: integer},
                       fields?: [{field: text, base: uuid | null}]}],
                contents: [{content_hash: text, content_base64: text}]}],
     corrupt: object | null}
- checkpoint: the seq that sync_push and sync_ack get.
- base: the bundle that wrote what the operation replaces; from_base and fields have the same of a move and of a
  deleted entity.
- log: where the bundle is in the log here, after what of it the bundle is to be applied, and what of it does not
  travel.
- corrupt: what was found corrupt, or null.
Errors:
- 22004: project_uuid, peer_id or max_ops is NULL.
- 22023: the name of the peer is not allowed, or a number or a checksum is.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 must_refetch: the log here is not the one that the peer has followed, because one of the two databases was set
  back. common_seq, if DETAIL has it, is what the peer has acknowledged; see sync_reset.
- PT413: a bundle has more than 240 MiB with its contents.';
GRANT EXECUTE ON FUNCTION quire.sync_pull(uuid, text, integer, bigint, text) TO quire_user;
ALTER FUNCTION quire.sync_pull(uuid, text, integer, bigint, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.sync_ack(uuid, text, bigint, text) IS
'Notes that a peer has everything up to a seq. The seq never goes back.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- peer_id: the name of the other database.
- seq: the checkpoint of the sync_pull that was applied there, or the checkpoint of sync_status there if that is less.
- checksum: the checksum that went with that seq.
Returns: the seq that is acknowledged now.
Errors:
- 22004: project_uuid, peer_id or seq is NULL.
- 22023: the name of the peer is not allowed, or seq or checksum is.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 must_refetch: the log here is not the one that the peer has followed, because one of the two databases was set
  back.';
GRANT EXECUTE ON FUNCTION quire.sync_ack(uuid, text, bigint, text) TO quire_user;

COMMENT ON FUNCTION quire.sync_push(uuid, text, bigint, jsonb, text, bigint, text) IS
'Applies bundles of a peer, in order and in this transaction. A path or field becomes what the latest write made it.
The bundles keep their authors, who are the word of the peer: readers see from_peer.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- peer_id: the name of the other database.
- checkpoint: the checkpoint of the peer''s sync_pull.
- bundles: the bundles of the peer''s sync_pull.
- checkpoint_checksum: the checkpoint_checksum of the peer''s sync_pull.
- after_seq: the after_seq of the peer''s sync_pull. Without it a page without bundles does not move the checkpoint.
- after_checksum: the after_checksum of the peer''s sync_pull.
Returns: rows.
- bundle_id: the id of the bundle.
- seq: its seq here, or NULL.
- status: applied, duplicate (it was known already), conflict (it is applied, and both sides had changed something) or
  quarantined (its checksums do not hold, or it comes after such a one; it is not applied, and the checkpoint stays
  before it).
- reasons: sentences about the status: what both sides changed, or what was corrupt here and is repaired from the copy.
  list_conflicts has the fields in conflict.
Errors:
- 22004: project_uuid, peer_id, checkpoint or bundles is NULL.
- 22023: bundles has a wrong form, is of another project or is from the future, or an argument is not allowed.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT409 must_refetch: the bundles leave out some of the peer''s that are not here, or are of another log than the one
  that was followed, because one of the two databases was set back. Nothing is applied. common_seq and common_checksum
  are the newest place of the peer''s log that is known here; see sync_reset.
- PT413: there are more than quire.max_bundle_ops operations, or a file or the project would be too large.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.sync_push(uuid, text, bigint, jsonb, text, bigint, text) TO quire_user;

COMMENT ON FUNCTION quire.sync_status(uuid, text) IS
'Returns how far the exchange with a peer has come.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- peer_id: the name of the other database.
Returns: an object.
    {peer_id: text, seq: integer, checksum: text, acked_seq: integer, acked_checksum: text,
     checkpoint: integer, checkpoint_checksum: text | null}
- seq: the newest bundle here.
- acked_seq: the bundle here up to which the peer has the log.
- checkpoint: the bundle of the peer up to which this database has the peer''s log. Its checksum is null when nobody
  has named it.
Errors:
- 22004: an argument is NULL.
- 22023: the name of the peer is not allowed.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.sync_status(uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.sync_reset(uuid, text, bigint, bigint, text) IS
'Sets the exchange with a peer back, after one of the two databases was set back to an older state (PT409
must_refetch). What comes again is recognised bundle by bundle. The call never goes forward.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- peer_id: the name of the other database.
- acked_seq: the bundle up to which the peer has the log here. NULL leaves it as it is; 0 is the beginning.
- checkpoint: the bundle up to which this database has the peer''s log. NULL leaves it as it is; 0 is the beginning.
- checkpoint_checksum: the checksum that went with checkpoint.
Returns: the state as sync_status returns it.
Errors:
- 22004: project_uuid or peer_id is NULL.
- 22023: the name of the peer, a number or the checksum is not allowed.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.sync_reset(uuid, text, bigint, bigint, text) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
